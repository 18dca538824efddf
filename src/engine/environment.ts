/**
 * An engine runs a model that somebody uploaded, so it gets what a runtime reads and nothing
 * else: no credentials, no tokens.
 */
const NAMES = new Set([
  'PATH',
  'HOME',
  'LANG',
  'LC_ALL',
  'TZ',
  'TMPDIR',
  'LD_LIBRARY_PATH',
  'LD_PRELOAD',
  'NODE_OPTIONS',
  'XDG_CACHE_HOME',
  'SystemRoot',
])
const PREFIXES = ['CUDA_', 'NVIDIA_', 'TF_', 'ORT_', 'OMP_', 'MALLOC_', 'XLA_', 'UV_']

const DEFAULTS = {
  // Two malloc arenas cost about 3 % of speed and save 35 MB in each process.
  MALLOC_ARENA_MAX: '2',
  // Recent releases of onnxruntime report their use to their maker unless told not to.
  ORT_DISABLE_TELEMETRY: '1',
}

export function engineEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(
    ([name]) => NAMES.has(name) || PREFIXES.some((prefix) => name.startsWith(prefix)),
  )
  return { ...DEFAULTS, ...Object.fromEntries(kept) }
}
