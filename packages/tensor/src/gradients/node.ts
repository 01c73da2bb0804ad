/** Registers every gradient tfjs has, then our repairs. Importing this module is a side effect, on purpose. */
import '../generated/tfjs-gradients.js'
