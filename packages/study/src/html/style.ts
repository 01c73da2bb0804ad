/*
 * Colours after Okabe and Ito, made darker or lighter so that every one has contrast ≥ 3 to its ground; each series also
 * has its own dash and marker.
 */
const LIGHT = ['#0072b2', '#c04a00', '#00805c', '#a8487f', '#7a5c00', '#5b4bc4', '#b3261e', '#4d6a7a']
const DARK = ['#5ab8f0', '#f0974a', '#35c99b', '#e79bc6', '#e6c229', '#a99bff', '#ff8a80', '#a9c1cf']

const colours = (list: readonly string[]): string => list.map((c, i) => `--c${i}:${c};`).join('')
const series = LIGHT.map((_, i) => `.c${i}{--c:var(--c${i})}`).join('')

export const STYLE: string = `
:root{color-scheme:light dark;--ground:#fff;--ink:#1b1f24;--soft:#57606a;--rule:#d4d9df;--panel:#f5f7f9;${colours(LIGHT)}}
@media (prefers-color-scheme:dark){:root{--ground:#14181d;--ink:#e8ebee;--soft:#a5afb9;--rule:#39424c;--panel:#1d232a;${colours(DARK)}}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:1280px;margin:0 auto;padding:24px 20px 48px}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 .5rem;overflow-wrap:anywhere}
h2{font-size:1.25rem;margin:2.2rem 0 .6rem;padding-top:.8rem;border-top:1px solid var(--rule)}
h3{font-size:1rem;margin:0 0 .35rem}
h4{font-size:.95rem;margin:1rem 0 .4rem}
p{margin:.4rem 0;max-width:80ch;overflow-wrap:anywhere}
.soft,.empty{color:var(--soft)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,230px),1fr));gap:12px;margin:1.2rem 0;padding:0;list-style:none}
.cards li{background:var(--panel);border:1px solid var(--rule);border-radius:8px;padding:12px 14px}
.cards b{display:block;font-size:1.45rem;line-height:1.25;font-variant-numeric:tabular-nums}
.cards span{display:block;color:var(--soft);font-size:.88rem;overflow-wrap:anywhere}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,500px),1fr));gap:28px 32px;align-items:start}
figure{margin:0;min-width:0;break-inside:avoid}
.plot{max-width:660px}
figcaption{font-size:.88rem;color:var(--soft);margin-top:.3rem}
figcaption b{color:var(--ink)}
.plot svg.wide,.plot svg.narrow{display:block;width:100%;height:auto}
.plot svg.narrow{display:none}
@media (max-width:560px){main{padding:16px 12px 32px}h1{font-size:1.4rem}.plot svg.wide{display:none}.plot svg.narrow{display:block}}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:2px 18px;margin:0 0 4px;padding:0;font-size:.88rem}
.legend li{display:flex;align-items:center;gap:6px;min-width:0;overflow-wrap:anywhere}
.swatch{flex:none}
svg text{fill:var(--ink);font:12px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;font-variant-numeric:tabular-nums}
svg .tick{fill:var(--soft)}
.grid{stroke:var(--rule);stroke-width:1;fill:none}
.axis{stroke:var(--soft);stroke-width:1;fill:none}
.line{stroke:var(--c);stroke-width:2;fill:none;stroke-linejoin:round}
.band{fill:var(--c);fill-opacity:.17;stroke:none}
.whisker{stroke:var(--c);stroke-width:1.5}
.mark{fill:var(--c);stroke:var(--c);stroke-width:1.5}
${series}
.scroll{overflow-x:auto;margin:0 0 1rem}
.scroll:focus-visible{outline:2px solid var(--c0);outline-offset:2px}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
.caption{font-weight:600;font-size:.92rem;margin:1.1rem 0 .2rem}
th,td{padding:4px 14px 4px 0;text-align:right;border-bottom:1px solid var(--rule);white-space:nowrap}
th{font-weight:600;vertical-align:bottom}
th:first-child,td:first-child,.text{text-align:left}
section>h3{margin-top:1.5rem}
th[scope=row]{white-space:normal;max-width:22em;overflow-wrap:break-word}
td.text{white-space:normal;min-width:7em}
pre{background:var(--panel);padding:10px;border-radius:6px;overflow-x:auto;font-size:.85rem;white-space:pre-wrap;overflow-wrap:anywhere}
.answers{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,var(--cell,300px)),1fr));gap:16px;align-items:start}
.answers .plot svg.wide{display:none}.answers .plot svg.narrow{display:block}
.answers img{width:100%;max-width:320px;height:auto;image-rendering:pixelated;border:1px solid var(--rule);display:block}
dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:3px 16px;font-size:.9rem}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
@media (max-width:560px){th{white-space:normal}th[scope=row]{max-width:8.5em}dl{grid-template-columns:minmax(0,1fr)}dd{margin-bottom:6px}}
.notes{border-left:4px solid var(--c1);padding-left:12px}
@media print{:root{color-scheme:light;--ground:#fff;--ink:#000;--soft:#444;--rule:#bbb;--panel:#fff;${colours(LIGHT)}}
body{font-size:11pt}table{font-size:7.5pt}th{white-space:normal}th,td{padding:3px 8px 3px 0}main{max-width:none;padding:0}.scroll{overflow:visible}.plots{grid-template-columns:1fr 1fr}h2{break-after:avoid}.plot svg.wide{display:block}.plot svg.narrow{display:none}tr,li{break-inside:avoid}}
`
