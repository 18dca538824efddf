import { readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { CutoverError, messageOf } from './domain/errors.ts'
import { engineOf } from './domain/manifest.ts'
import { DEFAULT_POLICY, type RolloutPolicy } from './domain/rollout-policy.ts'
import type { RolloutReport, RolloutStatus } from './domain/rollout-status.ts'
import type { DeploymentObserver } from './domain/events.ts'
import { BodyPool } from './gateway/body-pool.ts'
import { EventStreams } from './gateway/event-streams.ts'
import { AdminGateway } from './gateway/admin-gateway.ts'
import type { GatewayContext } from './gateway/context.ts'
import { Gateway } from './gateway/gateway.ts'
import { authorityOf } from './gateway/listen.ts'
import type { GrpcGateway } from './gateway/grpc/grpc-gateway.ts'
import { poolStarter } from './pool-starter.ts'
import { cacheBase } from './registry/cache-dir.ts'
import { openRegistry } from './registry/open-registry.ts'
import type { RolloutsView } from './gateway/rollouts-view.ts'
import type { RegistryProblem } from './registry/source.ts'
import { Rollouts } from './rollout/rollouts.ts'
import { Manager } from './serving/manager.ts'
import { CHANGES_REFUSALS, refusalTeller, type Served, unreadyReason } from './serving/readiness.ts'
import { EventHub } from './telemetry/event-hub.ts'
import { logEvents } from './telemetry/event-log.ts'
import { createLogger, type Logger } from './telemetry/logger.ts'
import { Metrics, type ServingGauge } from './telemetry/metrics.ts'
import { terminalProgress } from './telemetry/progress.ts'
import { Webhooks } from './telemetry/webhooks/webhooks.ts'
import { parsePolicy, POLICY_FILE } from './wire/policy.ts'
import type { Settings } from './wire/settings.ts'

const WEBHOOK_PATIENCE = {
  backoff: { firstMs: 1_000, maxMs: 5 * 60_000 },
  giveUpMs: 24 * 3600_000,
}

/**
 * The server's composition root. Starts registry, engines and gateway, and returns when it
 * listens; the process then lives until it gets SIGTERM or SIGINT.
 */
export async function serve(settings: Settings): Promise<void> {
  const progress = process.stdout.isTTY ? terminalProgress(process.stdout) : undefined
  const logger = createLogger(settings, progress?.logStream ?? process.stdout)
  const metrics = new Metrics(
    () => gaugesOf(manager),
    () => manager.source,
    () => rollouts.all().map(({ status }) => status),
  )
  const log = logEvents(logger)
  const events = new EventHub()
  const webhooks = await openWebhooks(settings, { events, metrics, logger })
  const observe: DeploymentObserver = (event) => {
    progress?.observe(event)
    metrics.observe(event)
    log(event)
    events.deployment(event)
    if (settled && CHANGES_REFUSALS.has(event.kind)) queueMicrotask(tellRefusals)
  }
  const onProblem = (problem: RegistryProblem) =>
    logger.warn(problem, `${problem.path}: ${problem.reason}`)
  const policy = readPolicy(settings)
  const { source, store, mirror } = await openRegistry(settings, policy, {
    onProblem,
    onRecovered: (location) => logger.info({ location }, `${location} can be read again`),
  })
  const rollouts: Rollouts = new Rollouts({
    policyOf: (model) => manager.policyOf(model) ?? policy,
    versionsOf: (model) => manager.versionsOf(model),
    route: (model, routing) => manager.route(model, routing),
    tell: (event) => {
      logger.info({ event: event.kind, ...event }, event.text)
      events.rollout(event)
    },
    onProblem: (model, problem) =>
      logger.info({ event: 'rollout.problem', model }, `the rollout of ${model}: ${problem}`),
    store,
    mirror,
  })
  const manager: Manager = new Manager({
    source,
    rollouts: {
      open: (model) => rollouts.open(model),
      forget: (model) => rollouts.forget(model),
      changed: (model) => rollouts.changed(model),
      isQuarantined: (model, digest) => rollouts.isQuarantined(model, digest),
      pinOf: (model) => rollouts.get(model)?.state.pin ?? (manager.policyOf(model) ?? policy).pin,
      stickinessOf: (model) => (manager.policyOf(model) ?? policy).stickiness,
    },
    observe,
    onProblem,
    startPool: poolStarter(settings, observe, (model, digest) => rollouts.crashed(model, digest)),
    versionsLoadedMax: settings.versionsLoadedMax,
    modelsMax: settings.modelsMax,
    drainTimeoutMs: settings.drainTimeoutMs,
  })
  let settled = false
  let leaving = false
  const served = (): Served => ({
    table: manager.table,
    models: manager.models(),
    pending: manager.pending,
    source: manager.source,
    defaultModel: settings.defaultModel,
  })
  const tellRefusals = refusalTeller(served, ({ requests, reason }) => {
    const whose = requests === 'all' ? 'every request' : 'requests that name no model'
    logger.warn({ event: 'requests.refused' }, `${whose}: refused, ${reason}`)
  })
  const context: GatewayContext = {
    settings,
    metrics,
    logger,
    bodies: new BodyPool(),
    events,
    streams: new EventStreams(events),
    table: () => manager.table,
    models: () => manager.models(),
    statusesOf: (model) => manager.statusesOf(model),
    pending: () => manager.pending,
    source: () => manager.source,
    look: () => manager.look(),
    hint: () => manager.hint(),
    rollouts: rolloutsView(rollouts, manager),
    unready: () => unready(served, { settled, leaving }),
  }
  const gateway = new Gateway(context)
  const admin = settings.adminPort < 0 ? undefined : new AdminGateway(context)
  let grpc: GrpcGateway | undefined

  const port = await gateway.listen()
  const adminPort = await admin?.listen()
  logger.info(
    { host: settings.host, port, adminPort },
    `listening on http://${authorityOf(settings.host, port)}`,
  )
  stopOnSignal(async (signal) => {
    leaving = true
    gateway.leave()
    logger.info({ signal }, 'shutting down')
    // A load balancer goes on sending for a moment after it sees that the server is not ready.
    // On a terminal nobody waits for that.
    if (signal === 'SIGTERM') await sleep(settings.shutdownGraceMs)
    const closing = [gateway, grpc].map(async (front) => front?.close(settings.drainTimeoutMs))
    const clean = !(await Promise.all(closing)).includes(false)
    admin?.close()
    await rollouts.close()
    await manager.close()
    await webhooks?.close()
    logger.info(clean ? 'every request was answered' : 'some requests were cut off')
  })
  // The engines start meanwhile.
  const started = manager.start()
  const opened = settings.grpcPort < 0 ? undefined : openGrpc(context)
  // Either may fail while the other is under way.
  await Promise.all([started, opened?.then((front) => (grpc = front))])
  await manager.settled
  settled = true
  tellRefusals()
}

/** Loaded only where it is wanted: a server without it is smaller and starts sooner. */
async function openGrpc(context: GatewayContext): Promise<GrpcGateway> {
  const { GrpcGateway } = await import('./gateway/grpc/grpc-gateway.ts')
  const grpc = new GrpcGateway(context)
  const { host } = context.settings
  const grpcPort = await grpc.listen()
  context.logger.info({ host, grpcPort }, `gRPC on ${authorityOf(host, grpcPort)}`)
  return grpc
}

/** Undefined where no webhook is set. */
async function openWebhooks(
  { webhookUrls: urls, webhookSecret: secret, webhookTimeoutMs: timeoutMs, cacheDir }: Settings,
  { events, metrics, logger }: { events: EventHub; metrics: Metrics; logger: Logger },
): Promise<Webhooks | undefined> {
  if (urls.length === 0) return undefined
  const outboxDir = path.join(await cacheBase(cacheDir), 'outbox')
  const webhooks = await Webhooks.open(
    { urls, secret, timeoutMs, outboxDir, ...WEBHOOK_PATIENCE },
    { logger, onOutcome: (outcome) => metrics.webhookOutcome(outcome) },
  )
  metrics.watchWebhooks(() => webhooks.length)
  events.subscribe((event) => webhooks.send(event))
  return webhooks
}

/** The gateway's view of the rollouts: what was dispatched is compared by its digest. */
function rolloutsView(rollouts: Rollouts, manager: Manager): RolloutsView {
  const report = (status: RolloutStatus): RolloutReport => ({
    ...status,
    failed: manager
      .statusesOf(status.model)
      .flatMap(({ version, entry: { state } }) =>
        'reason' in state ? [{ version, reason: state.reason }] : [],
      ),
    policyProblem: policyProblemOf(status.model, manager.source.problems),
  })
  return {
    list: () => rollouts.all().map((rollout) => report(rollout.status)),
    command: async (model, command) => report(await rollouts.command(model, command)),
    dispatched: ({ servable, track, isDrawn }) =>
      track === 'explicit' || !isDrawn
        ? undefined
        : rollouts.get(servable.model)?.dispatched(track, servable.local.digest),
    copied: (model, trial) => {
      const trials = rollouts.get(model)?.trials
      const [stable, canary] = [trials?.begin('stable', trial), trials?.begin('canary', trial)]
      return stable === undefined || canary === undefined ? undefined : { stable, canary }
    },
    compared: (model, trial, comparison) => {
      rollouts.get(model)?.shadows.add(trial, comparison)
    },
  }
}

function policyProblemOf(model: string, problems: readonly RegistryProblem[]): string | null {
  const found = problems.find(({ path: at }) => `/${at}`.endsWith(`/${model}/${POLICY_FILE}`))
  return found === undefined ? null : `${POLICY_FILE}: ${found.reason}`
}

/** What holds for models that state no policy. Throws CONFIG_INVALID. */
function readPolicy({ rolloutPolicy: file, rolloutStrategy: strategy }: Settings): RolloutPolicy {
  const defaults = { ...DEFAULT_POLICY, strategy }
  if (file === undefined) return defaults
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (error) {
    throw new CutoverError('CONFIG_INVALID', `--rollout-policy: ${messageOf(error)}`)
  }
  return parsePolicy(bytes, defaults, file)
}

function* gaugesOf(manager: Manager): Generator<ServingGauge> {
  for (const [model, { stable, canary, versions }] of manager.table) {
    for (const [version, servable] of versions) {
      const { local, pool } = servable
      yield {
        model,
        version,
        track: servable === stable ? 'stable' : servable === canary?.servable ? 'canary' : '',
        digest: local.digest,
        engine: engineOf(local.format),
        device: pool.device,
        enginesReady: pool.enginesReady,
        queueLength: pool.queueLength,
        inflight: pool.inflight,
      }
    }
  }
}

/** Why requests are not welcome, or undefined. */
function unready(
  served: () => Served,
  { settled, leaving }: { settled: boolean; leaving: boolean },
): string | undefined {
  if (leaving) return 'shutting down'
  return settled ? unreadyReason(served()) : 'loading models'
}

/** Runs `stop` on the first SIGTERM or SIGINT and exits with 0; a second one exits at once. */
function stopOnSignal(stop: (signal: string) => Promise<void>): void {
  let stopping = false
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(1)
      stopping = true
      void stop(signal).then(() => process.exit(0))
    })
  }
}
