/** Counts work of many small parts, and tells when others are due a turn. */
export class SliceCounter {
  readonly #size: number
  #done = 0

  constructor(size: number) {
    this.#size = size
  }

  /** Counts some more; true each time that another slice is full. */
  isDueAfter(work: number): boolean {
    this.#done += work
    if (this.#done < this.#size) return false
    this.#done %= this.#size
    return true
  }
}
