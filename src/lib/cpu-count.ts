import { readFileSync } from 'node:fs'
import os from 'node:os'

/**
 * The cores this process may use, at least 1: the affinity mask, and in a container its CPU quota
 * (cgroup v2 cpu.max, v1 cfs_quota), which the standard library does not look at.
 */
export function cpuCount(): number {
  const quota = quotaV2() ?? quotaV1() ?? Infinity
  return Math.max(1, Math.min(os.availableParallelism(), Math.ceil(quota)))
}

function quotaV2(): number | undefined {
  const [quota, period] = (read('/sys/fs/cgroup/cpu.max') ?? '').trim().split(' ')
  return ratio(quota, period)
}

function quotaV1(): number | undefined {
  return ratio(
    read('/sys/fs/cgroup/cpu/cpu.cfs_quota_us'),
    read('/sys/fs/cgroup/cpu/cpu.cfs_period_us'),
  )
}

function ratio(quota: string | undefined, period: string | undefined): number | undefined {
  const value = Number(quota) / Number(period)
  return Number.isFinite(value) && value > 0 ? value : undefined
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
