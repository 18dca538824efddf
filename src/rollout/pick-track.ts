import { hash } from 'node:crypto'

const BITS = 48

/**
 * Whether the candidate or the stable version answers a request, at a weight in per cent.
 *
 * A sticky key always gets the same answer in one trial, and once it is on the candidate it stays
 * there while the weight rises: the key's place in [0, 100) is a hash of the key and the trial's
 * id, and the candidate has the places below the weight. Nothing is stored. Both versions' users
 * stick, so none drift to the candidate. Without a key every request is drawn by itself.
 */
export function pickTrack(
  { weight, trial }: { readonly weight: number; readonly trial: string },
  stickyKey: string | undefined,
  random: () => number = Math.random,
): 'stable' | 'canary' {
  if (weight <= 0) return 'stable'
  const place = stickyKey === undefined ? 100 * random() : placeOf(stickyKey, trial)
  return place < weight ? 'canary' : 'stable'
}

/** SHA-256, so that nobody who does not know the trial's id can choose a place. */
function placeOf(key: string, trial: string): number {
  const digest = hash('sha256', `${trial}\0${key}`, 'hex')
  return (100 * Number.parseInt(digest.slice(0, BITS / 4), 16)) / 2 ** BITS
}
