/** A variable as a file holds it. */
export interface StoredTensor {
  /** Where in the file, for messages. */
  readonly path: string
  readonly shape: readonly number[]
  /** All values in row-major order, in 32-bit floats whatever the file holds. */
  read(): Float32Array
}
