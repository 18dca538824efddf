import { SetupError } from './report.mjs'

const VERSION = '2.21.0'

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
 * @param {boolean} gpu
 * @returns {Artifact}
 */
export function artifactFor(gpu) {
  const variant = `${gpu ? 'gpu' : 'cpu'}-${process.arch}`
  const known = Object.entries(WHEELS).find(([key]) => key === variant)
  if (process.platform !== 'linux' || known === undefined) {
    throw new SetupError(
      `there is no TensorFlow for ${process.platform} ${variant} here (there is for Linux: ` +
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
