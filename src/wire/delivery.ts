import { z } from 'zod'

import { parseDocument } from './parse-document.ts'

const BYTES_MAX = 256 * 1024

/** What is to be sent to a webhook, as it lies on the disk. */
const schema = z.strictObject({
  schema: z.literal('cutover/delivery/v1'),
  /** The same in every attempt, and the name of the file. */
  id: z.string().regex(/^[0-9a-f-]{1,100}$/),
  /** Which webhook, without its address, which may hold a secret. */
  target: z.string().regex(/^[0-9a-f]{16}$/),
  /** The order among the deliveries of a target. */
  sequence: z.int().min(0),
  body: z.string(),
})

export type Delivery = Omit<z.output<typeof schema>, 'schema'>

export function encodeDelivery(delivery: Delivery): string {
  return JSON.stringify({ schema: 'cutover/delivery/v1', ...delivery })
}

/** Throws CONFIG_INVALID for anything else. */
export function parseDelivery(bytes: Uint8Array, file: string): Delivery {
  const { schema: _, ...delivery } = parseDocument(bytes, schema, { file, bytesMax: BYTES_MAX })
  return delivery
}
