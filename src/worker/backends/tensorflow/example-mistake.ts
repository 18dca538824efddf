import { messageOf } from '../../../domain/errors.ts'

/** What TensorFlow says of a serialised Example that it cannot parse (example_proto_fast_parsing.cc). */
const MISTAKE = /(Could not parse example input.{0,200}|Name: .{0,200}?, (?:Key|Feature): .{0,200})/

/** What is wrong with an Example that a model was given; undefined: it failed at something else. */
export function exampleMistake(error: unknown): string | undefined {
  return MISTAKE.exec(messageOf(error))?.[1]
}
