/** A failure with a sentence that says what to do; no stack is shown. */
export class SetupError extends Error {}

/** @param {string} sentence */
export function step(sentence) {
  process.stderr.write(`setup-tensorflow: ${sentence}\n`)
}
