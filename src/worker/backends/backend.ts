import type { EngineName, ModelFormat } from '../../domain/manifest.ts'
import type { Signatures } from '../../domain/signature.ts'
import type { NamedTensors } from '../../domain/tensor.ts'

export interface BackendOptions {
  /** A directory that holds this version alone and never changes. */
  readonly dir: string
  /** What to open: a file or a directory relative to `dir` ('' is `dir` itself). */
  readonly entry: string
  readonly format: ModelFormat
  /** Threads that one run may use. */
  readonly threads: number
  /** Threads for a run that has the machine to itself; 0: no such session is kept. */
  readonly threadsAlone: number
  readonly device: 'cpu' | 'gpu'
}

export interface RunOptions {
  /** Absent: the default. */
  readonly signature?: string | undefined
  /** The outputs wanted, each a name of the signature; absent: all. */
  readonly outputs?: readonly string[] | undefined
  /** The request is the only one in the server: use every core. */
  readonly alone?: boolean | undefined
}

/** A model that a runtime has opened and can run. */
export interface LoadedModel extends Signatures {
  /** The device that really runs it, which is not always the one asked for: 'cpu', 'cuda', … */
  readonly device: string
  /** Why it is not the one asked for; absent: it is. */
  readonly deviceNotice?: string | undefined
  /** The runtime's name and version: 'onnxruntime 1.30.0'. */
  readonly runtime: string
  /**
   * Runs the model once. The inputs have been checked against the signature. Outputs are copies
   * that stay valid. Throws what the runtime throws; the caller names the failure.
   */
  run(inputs: NamedTensors, options: RunOptions): Promise<NamedTensors>
  close(): Promise<void>
}

/**
 * A runtime that can open some formats. Adding one is writing this function and naming it in
 * `backends/index.ts`. `load` throws a CutoverError with code MODEL_UNLOADABLE and a sentence a
 * publisher can act on.
 */
export interface Backend {
  readonly name: EngineName
  load(options: BackendOptions): Promise<LoadedModel>
}
