/** Where a checkpoint lives. */
export interface CheckpointStore {
  /** For messages: usually the path. */
  readonly name: string
  /** `undefined` when there is none yet. */
  load(): Promise<Uint8Array | undefined>
  /** Replaces what was there, or leaves it as it was and throws. */
  save(bytes: Uint8Array): Promise<void>
}
