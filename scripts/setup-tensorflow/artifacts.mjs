import { SetupError } from './report.mjs'

const VERSION = '2.21.0'

/** What manylinux_2_27 in the names below asks for. */
const GLIBC_MINOR_MIN = 27

/**
 * @typedef {object} Artifact
 * @property {string} version of TensorFlow
 * @property {string} wheel the name on PyPI
 * @property {string} platform the wheel's platform tag
 * @property {string} sha256 of the wheel
 * @property {number} megabytes to download
 * @property {string} npmPackage whose binding it is for
 * @property {string} key names it in the cache
 */

/** The CPU wheel for arm64 carries another name; it holds no CUDA. */
const WHEELS = {
  'cpu-x64': {
    wheel: 'tensorflow-cpu',
    platform: 'manylinux_2_27_x86_64',
    sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
    megabytes: 274,
  },
  'cpu-arm64': {
    wheel: 'tensorflow',
    platform: 'manylinux_2_27_aarch64',
    sha256: '4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c',
    megabytes: 282,
  },
  'gpu-x64': {
    wheel: 'tensorflow',
    platform: 'manylinux_2_27_x86_64',
    sha256: '9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124',
    megabytes: 572,
  },
}

/**
 * What there is for this machine; throws SetupError when there is nothing.
 *
 * @param {{ gpu: boolean, platform: string, arch: string }} machine as Node.js names it
 * @returns {Artifact}
 */
export function artifactFor({ gpu, platform, arch }) {
  const variant = `${gpu ? 'gpu' : 'cpu'}-${arch}`
  const known = Object.entries(WHEELS).find(([key]) => key === variant)
  if (platform !== 'linux' || known === undefined) {
    throw new SetupError(
      `there is no TensorFlow for ${platform} ${variant} here (there is for linux ` +
        `${Object.keys(WHEELS).join(', ')}). ONNX models need none of this.`,
    )
  }
  return {
    version: VERSION,
    npmPackage: gpu ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node',
    key: `${VERSION}-${variant}`,
    ...known[1],
  }
}

/** Throws SetupError where the libraries cannot load: they are built for the GNU C library. */
export function requireGlibc() {
  const { header } = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (
    process.report.getReport()
  )
  const [major = 0, minor = 0] = header.glibcVersionRuntime?.split('.').map(Number) ?? []
  if (major > 2 || (major === 2 && minor >= GLIBC_MINOR_MIN)) return
  throw new SetupError(
    `TensorFlow needs glibc 2.${GLIBC_MINOR_MIN} (Debian, Ubuntu, Red Hat; not Alpine); here is ` +
      `${header.glibcVersionRuntime ?? 'another C library'}. ONNX models need none of this.`,
  )
}
