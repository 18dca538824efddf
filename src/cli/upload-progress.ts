import yoctoSpinner from 'yocto-spinner'

import { describeBytes } from '../lib/describe-bytes.ts'
import { printable } from '../lib/printable.ts'

const BAR_CHARACTERS = 24
const MS_BETWEEN = 100

export interface UploadProgress {
  step(text: string): void
  uploaded(bytesDone: number, bytesTotal: number): void
  end(): void
}

/** A live line on a terminal; elsewhere a line for each step, and nothing at all when silent. */
export function uploadProgress(isSilent: boolean): UploadProgress {
  const stream = process.stderr
  if (isSilent || !stream.isTTY) {
    return {
      step: (text) => void (isSilent || stream.write(`${printable(text)}\n`)),
      uploaded: () => {},
      end: () => {},
    }
  }
  // A signal is the command's to handle.
  const spinner = yoctoSpinner({ stream, handleSignals: false })
  let drawnAt = 0
  return {
    step: (text) => {
      spinner.text = printable(text)
      if (!spinner.isSpinning) spinner.start()
    },
    uploaded: (bytesDone, bytesTotal) => {
      if (performance.now() - drawnAt < MS_BETWEEN) return
      drawnAt = performance.now()
      spinner.text = barOf(bytesDone, bytesTotal)
    },
    end: () => {
      spinner.clear()
      spinner.stop()
    },
  }
}

/** `uploading ██████░░░░░░ 25 % of 18.5 MB` */
function barOf(bytesDone: number, bytesTotal: number): string {
  const share = bytesTotal === 0 ? 1 : Math.min(1, bytesDone / bytesTotal)
  const full = Math.round(share * BAR_CHARACTERS)
  const bar = '█'.repeat(full) + '░'.repeat(BAR_CHARACTERS - full)
  return `uploading ${bar} ${Math.floor(share * 100)} % of ${describeBytes(bytesTotal)}`
}
