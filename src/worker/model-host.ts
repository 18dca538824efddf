import type { Buffer } from 'node:buffer'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { checkInputs } from '../domain/check-inputs.ts'
import { CutoverError, messageOf } from '../domain/errors.ts'
import { type ImagePlan, planImage } from '../domain/image-plan.ts'
import type { Manifest } from '../domain/manifest.ts'
import { describeSpec, isBatchable, type Signature, signatureNamed } from '../domain/signature.ts'
import type { NamedTensors } from '../domain/tensor.ts'
import { Mutex } from '../lib/mutex.ts'
import { smoothed } from '../lib/smoothed.ts'
import type { EngineInfo, LoadCommand, LoadStep } from '../wire/engine-protocol.ts'
import type { RunResult } from '../wire/run-message.ts'
import type { LoadedModel, RunOptions } from './backends/backend.ts'
import { backendFor } from './backends/index.ts'
import { BatchQueue, type Ran } from './batch/batch-queue.ts'
import { batchSizes } from './batch/rows.ts'
import { bestClasses, labelsNotice, scoresOutput } from './classes.ts'
import { decodeImage } from './image/decode.ts'
import { toTensor } from './image/preprocess.ts'
import { planWarmup } from './warmup.ts'

/** What takes less is not worth a turn of the event loop, nor its answer a message of its own. */
const SHORT_RUN_MS = 0.25

/** A model that has been opened and warmed, and what it takes to answer requests with it. */
export interface ModelHost {
  readonly info: EngineInfo
  /** Throws IMAGE_… for what is wrong with the image, ENGINE_FAILED or OUTPUT_INVALID otherwise. */
  classify(
    image: Buffer,
    topK: number,
    alone: boolean,
  ): Promise<Extract<RunResult, { kind: 'classes' }>>
  /** Throws TENSOR_INVALID for what is wrong with the inputs, ENGINE_FAILED otherwise. */
  infer(inputs: NamedTensors, options: RunOptions): Promise<Extract<RunResult, { kind: 'tensors' }>>
  close(): Promise<void>
}

/** Throws MODEL_UNLOADABLE, or MANIFEST_INVALID where the manifest contradicts the model. */
export async function openModel(
  command: LoadCommand,
  onStep: (step: LoadStep) => void,
): Promise<ModelHost> {
  onStep('opening')
  const openedAt = performance.now()
  const backend = await backendFor(command.format)
  const model = await backend.load(command)
  const openMs = performance.now() - openedAt

  const image = planImage(command.image, model.signature)
  if (image.kind === 'refused' && command.image !== undefined) {
    throw new CutoverError('MANIFEST_INVALID', image.reason)
  }
  const plan = image.kind === 'plan' ? image : undefined
  const scoresSpec = scoresOutput(model.signature, command.output)
  const scores = scoresSpec.name

  if (command.batching !== undefined) checkBatchable(model.signature)

  onStep('warming')
  const warmedAt = performance.now()
  const warmupSkipped = await warmUp(model, plan, command)
  const warmupMs = performance.now() - warmedAt
  const notices = [
    model.deviceNotice,
    warmupSkipped === undefined ? undefined : `not warmed up: ${warmupSkipped}`,
    labelsNotice(scoresSpec, command.labelsCount),
  ].filter((notice) => notice !== undefined)

  const running = new Mutex()
  /** When the model had its last run behind it: waiting for another request is not service time. */
  let freeAt = 0
  let typicalMs = Infinity

  async function timed(inputs: NamedTensors, options: RunOptions): Promise<Ran> {
    const calledAt = performance.now()
    try {
      const outputs = await model.run(inputs, options)
      const inferenceMs = performance.now() - Math.max(calledAt, freeAt)
      typicalMs = smoothed(typicalMs, inferenceMs)
      return { outputs, inferenceMs }
    } catch (error) {
      if (error instanceof CutoverError) throw error
      throw new CutoverError('ENGINE_FAILED', `the model failed: ${messageOf(error)}`, {
        cause: error,
      })
    } finally {
      freeAt = performance.now()
    }
  }

  /** One after the other, each answered before the next begins; but for those that take no time. */
  function runByItself(inputs: NamedTensors, options: RunOptions, isImage: boolean): Promise<Ran> {
    if (typicalMs < SHORT_RUN_MS) return timed(inputs, options)
    return running.run(async () => {
      // Frames that came meanwhile are read first, so that their images decode while this runs.
      if (isImage) await nextTurn()
      return timed(inputs, options)
    })
  }

  const batches =
    command.batching === undefined
      ? undefined
      : new BatchQueue(timed, { ...command.batching, isPadded: isPadded(model) })

  async function run(inputs: NamedTensors, options: RunOptions, preprocessMs?: number) {
    const ran =
      batches === undefined
        ? { ...(await runByItself(inputs, options, preprocessMs !== undefined)), sharedBy: 1 }
        : await batches.run(inputs, options)
    const { outputs, inferenceMs, sharedBy } = ran
    const timings = { preprocessMs: preprocessMs ?? 0, inferenceMs, sharedBy }
    return { kind: 'tensors' as const, outputs, timings }
  }

  return {
    info: {
      signature: model.signature,
      otherSignatures: model.otherSignatures,
      ...(image.kind === 'refused' ? { imageRefusal: image.reason } : {}),
      device: model.device,
      runtime: model.runtime,
      openMs,
      warmupMs,
      ...(notices.length === 0 ? {} : { notice: notices.join('; ') }),
    },
    async classify(bytes, topK, alone) {
      if (plan === undefined) {
        const reason = image.kind === 'refused' ? image.reason : ''
        throw new CutoverError('IMAGE_NOT_ACCEPTED', `this model takes no images: ${reason}`)
      }
      const startedAt = performance.now()
      const decoded = await decodeImage(bytes, plan, { pixelsMax: command.pixelsMax })
      const inputs = new Map([[plan.input, toTensor(decoded, plan)]])
      const preprocessMs = performance.now() - startedAt
      const { outputs, timings } = await run(inputs, { outputs: [scores], alone }, preprocessMs)
      const activation = command.output?.activation ?? 'none'
      const classes = bestClasses(outputs, scores, activation, topK)
      return { kind: 'classes', classes, timings }
    },
    async infer(inputs, options) {
      checkInputs(signatureNamed(model, options.signature), inputs)
      return run(inputs, options)
    },
    close: () => model.close(),
  }
}

/** Those that the manifest names; besides them, or else, those that requests will share. */
function batchesToRun(
  model: LoadedModel,
  warmup: Manifest['warmup'],
  batching: Manifest['batching'],
): readonly number[] {
  const stated = warmup?.batches
  if (batching === undefined) return stated ?? [1]
  const { sizeMax } = batching
  if (isPadded(model)) return [...new Set([...batchSizes(sizeMax), ...(stated ?? [])])]
  return stated ?? [1, sizeMax]
}

/** A GPU chooses its kernels anew for each size of a batch, so it gets few sizes. */
function isPadded({ device }: LoadedModel): boolean {
  return device !== 'cpu'
}

/** Throws MANIFEST_INVALID for a model whose requests cannot be joined. */
function checkBatchable(signature: Signature): void {
  const specs = [...signature.inputs, ...signature.outputs]
  const refusal = (reason: string) => new CutoverError('MANIFEST_INVALID', `batching: ${reason}`)
  if (!isBatchable(signature)) {
    const all = specs.map(describeSpec).join('; ')
    throw refusal(`the first dimension must be a batch of open size in all of ${all}`)
  }
  const strings = specs.find(({ dtype }) => dtype === 'string')
  if (strings !== undefined) throw refusal(`${strings.name} holds strings, which are not joined`)
}

/** Runs every session on inputs of zeros. Answers why not, when there was nothing to run. */
async function warmUp(
  model: LoadedModel,
  plan: ImagePlan | undefined,
  { warmup, batching, threadsAlone }: LoadCommand,
): Promise<string | undefined> {
  const planned = planWarmup(model.signature, plan, warmup, batchesToRun(model, warmup, batching))
  if (planned.kind === 'skip') return planned.reason
  try {
    for (const inputs of planned.batches) {
      await model.run(inputs, {})
      if (threadsAlone > 0) await model.run(inputs, { alone: true })
    }
  } catch (error) {
    throw new CutoverError(
      'MODEL_UNLOADABLE',
      `the model opens but does not run: ${messageOf(error)}`,
      { cause: error },
    )
  }
  return undefined
}
