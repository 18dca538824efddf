import type {
  handleUnaryCall,
  sendUnaryData,
  ServerUnaryCall,
  UntypedServiceImplementation,
} from '@grpc/grpc-js'

import { CutoverError } from '../../domain/errors.ts'
import type { GatewayContext } from '../context.ts'
import { configOf, metadataOf, SERVER_METADATA } from '../v2/metadata.ts'
import { checkModelReady, checkReady } from '../v2/readiness.ts'
import { indexOf, loadModel, unloadModel } from '../v2/repository.ts'
import { statisticsOf } from '../v2/statistics.ts'
import { serviceErrorOf } from './grpc-errors.ts'
import { modelNamed, versionNamed } from './model-named.ts'
import { logSettings, traceSettings } from './server-settings.ts'
import { refuseRegion, regions } from './shared-memory.ts'

/** A message as it is decoded: every field is there, an absent string as ''. */
interface Named {
  readonly name: string
  readonly version: string
}

interface Controlled {
  readonly model_name: string
  readonly parameters: object
}

/** Every call but inference; the statuses are those of what they throw. */
export function unaryCalls(context: GatewayContext): UntypedServiceImplementation {
  const { logLevel } = context.settings
  const answering = answeringWith(context)
  return {
    ServerLive: answering(() => ({ live: true })),
    ServerReady: answering(() => ({ ready: holds(() => checkReady(context)) })),
    ModelReady: answering(({ name, version }: Named) => {
      // A version that can be none is refused, an unknown one is not ready.
      versionNamed(version)
      return { ready: holds(() => checkModelReady(context, modelNamed(name, version))) }
    }),
    ServerMetadata: answering(() => SERVER_METADATA),
    ModelMetadata: answering((named: Named) => metadataOf(context, wantedBy(named))),
    ModelConfig: answering((named: Named) => ({ config: configOf(context, wantedBy(named)) })),
    ModelStatistics: answering((named: Named) => ({ model_stats: statistics(context, named) })),
    RepositoryIndex: answering(({ ready }: { readonly ready: boolean }) => ({
      models: indexOf(context, ready),
    })),
    RepositoryModelLoad: answering(
      async ({ model_name: model, parameters }: Controlled, isGone) => {
        await loadModel(context, model, parameters, isGone)
        return {}
      },
    ),
    RepositoryModelUnload: answering(({ model_name: model }: Controlled) => {
      unloadModel(context, model)
      return {}
    }),
    SystemSharedMemoryStatus: answering(regions),
    SystemSharedMemoryRegister: answering(refuseRegion),
    SystemSharedMemoryUnregister: answering(() => ({})),
    CudaSharedMemoryStatus: answering(regions),
    CudaSharedMemoryRegister: answering(refuseRegion),
    CudaSharedMemoryUnregister: answering(() => ({})),
    TraceSetting: answering(traceSettings),
    LogSettings: answering((request: Parameters<typeof logSettings>[0]) =>
      logSettings(request, logLevel),
    ),
  }
}

/** `isGone`: whether its client is. */
type Answer<Request> = (request: Request, isGone: () => boolean) => object | Promise<object>

function answeringWith({ logger }: GatewayContext) {
  async function reply<Request>(
    answer: Answer<Request>,
    call: ServerUnaryCall<Request, object>,
    callback: sendUnaryData<object>,
  ): Promise<void> {
    try {
      callback(null, await answer(call.request, () => call.cancelled))
    } catch (error) {
      // The client is not told what it was.
      if (!(error instanceof CutoverError)) {
        logger.error({ call: call.getPath(), err: error }, 'a call failed')
      }
      callback(serviceErrorOf(error))
    }
  }
  return <Request>(answer: Answer<Request>): handleUnaryCall<Request, object> =>
    (call, callback) =>
      void reply(answer, call, callback)
}

function wantedBy({ name, version }: Named) {
  return modelNamed(name, version)
}

/** Of all models where none is named; of an unknown one INVALID_ARGUMENT, as over REST 400. */
function statistics(context: GatewayContext, { name, version }: Named) {
  const model = name === '' ? {} : { model: name, ...versionNamed(version) }
  try {
    return statisticsOf(context, model)
  } catch (error) {
    if (!(error instanceof CutoverError)) throw error
    throw new CutoverError('REQUEST_INVALID', error.message, { cause: error })
  }
}

function holds(check: () => void): boolean {
  try {
    check()
    return true
  } catch (error) {
    if (error instanceof CutoverError) return false
    throw error
  }
}
