import type { Json } from '../config/json.ts'
import { unsupported } from '../failure.ts'
import { nameOf } from './activations.ts'

/** An activation as ONNX's recurrent operators name it. */
export interface GateActivation {
  readonly name: string
  readonly alpha: number
  readonly beta: number
}

const PLAIN: Readonly<Record<string, string>> = {
  relu: 'Relu',
  sigmoid: 'Sigmoid',
  softplus: 'Softplus',
  softsign: 'Softsign',
  tanh: 'Tanh',
}

export function gateActivation(
  given: Json | undefined,
  otherwise: string,
  kerasMajor: number,
): GateActivation {
  const name = given === undefined ? otherwise : nameOf(given)
  const plain = name === undefined ? undefined : PLAIN[name]
  if (plain !== undefined) return { name: plain, alpha: 0, beta: 0 }
  switch (name) {
    case 'linear':
      return { name: 'Affine', alpha: 1, beta: 0 }
    case 'elu':
      return { name: 'Elu', alpha: 1, beta: 0 }
    case 'hard_sigmoid':
      return { name: 'HardSigmoid', alpha: kerasMajor < 3 ? 0.2 : 1 / 6, beta: 0.5 }
    default:
      throw unsupported(`the activation ${name ?? 'of its own'} in a recurrent layer`)
  }
}
