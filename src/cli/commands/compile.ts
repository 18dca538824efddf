import path from 'node:path'

import { Command } from 'commander'

import { describeSpec } from '../../domain/signature.ts'
import { describeBytes } from '../../lib/describe-bytes.ts'
import { compileKerasFile } from '../../registry/keras-compiler.ts'
import { expectDirectory, expectFile } from '../expect-file.ts'
import { interruptible } from '../interruptible.ts'

/** `cutover compile MODEL -o FILE`: what `serve` does by itself, for those who want only that. */
export function compileCommand(): Command {
  return new Command('compile')
    .description('compile a Keras file, .h5 or .keras, to ONNX')
    .argument('<model>', 'the Keras file')
    .option('-o, --output <file>', 'the ONNX file; beside the model if absent')
    .action((model: string, { output }: { output?: string }) =>
      interruptible({}, (signal) => compile(model, output, signal)),
    )
}

async function compile(
  model: string,
  output: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const target = path.resolve(output ?? `${model.replace(/\.(keras|h5|hdf5)$/i, '')}.onnx`)
  await expectFile(model)
  await expectDirectory(path.dirname(target))
  const startedMs = performance.now()
  const compiled = await compileKerasFile(path.resolve(model), target, signal)
  const { signature, nodes, bytes, warnings } = compiled
  const elapsedMs = Math.round(performance.now() - startedMs)
  for (const spec of signature.inputs) console.log(`input   ${describeSpec(spec)}`)
  for (const spec of signature.outputs) console.log(`output  ${describeSpec(spec)}`)
  for (const warning of warnings) console.log(`note    ${warning}`)
  console.log(
    `${path.relative('', target)}: ${nodes} nodes, ${describeBytes(bytes)}, ${elapsedMs} ms`,
  )
}
