import type { PendingVersion, SourceStatus } from '../registry/source.ts'
import type { VersionStatus } from '../serving/manager.ts'
import type { RouteTable } from '../serving/route-table.ts'
import type { EventHub } from '../telemetry/event-hub.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { RolloutsView } from './rollouts-view.ts'
import type { BodyPool } from './body-pool.ts'
import type { EventStreams } from './event-streams.ts'
import type { Settings } from '../wire/settings.ts'

/** What the gateway needs of the rest of the server. */
export interface GatewayContext {
  readonly settings: Settings
  readonly metrics: Metrics
  readonly logger: Logger
  readonly bodies: BodyPool
  readonly events: EventHub
  readonly streams: EventStreams
  /** The table of this moment: read once per request. */
  readonly table: () => RouteTable
  readonly models: () => ReadonlyMap<string, readonly VersionStatus[]>
  readonly statusesOf: (model: string) => readonly VersionStatus[]
  readonly pending: () => readonly PendingVersion[]
  readonly source: () => SourceStatus
  /** Resolves when all that the registry holds now is known. */
  readonly look: () => Promise<void>
  /** The registry may have changed. */
  readonly hint: () => void
  readonly rollouts: RolloutsView
  /** Undefined when requests are welcome, else why not. */
  readonly unready: () => string | undefined
}
