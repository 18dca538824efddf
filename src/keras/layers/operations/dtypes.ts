import { type DType, isDType } from '../../../domain/tensor.ts'

/** What a type becomes; all floating point is computed in 32 bits. */
export function dtypeOf(name: string): { dtype: DType; isRounded: boolean } | undefined {
  const plain = name.replace(/^tf\./, '')
  if (/^(float16|bfloat16|float64|double|half)$/.test(plain)) {
    return { dtype: 'float32', isRounded: true }
  }
  if (plain === 'int' || plain === 'float') {
    return { dtype: plain === 'int' ? 'int32' : 'float32', isRounded: false }
  }
  return isDType(plain) && plain !== 'string' ? { dtype: plain, isRounded: false } : undefined
}
