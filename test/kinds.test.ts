/** Nothing but kinds/ and hypervisors/ asks which kind a guest is, or which hypervisor a host has: callers read what the kind or the hypervisor says of itself. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync } from 'vite';
import { expect, it } from 'vitest';
// @ts-expect-error: scripts have no types.
import { askingFiles } from '../scripts/structure.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const asking = (files: Record<string, string>): Record<string, number> =>
  askingFiles(new Map(Object.entries(files)), parseSync);

it('is asked nowhere else', () => {
  const paths = (readdirSync(join(root, 'src'), { recursive: true }) as string[])
    .map(path => `src/${path.replaceAll('\\', '/')}`)
    .filter(path => /\.tsx?$/.test(path));
  expect(asking(Object.fromEntries(paths.map(path => [path, readFileSync(join(root, path), 'utf8')])))).toEqual({});
});

it('is found also where a predicate hides the comparison, and not where a kind answers', () => {
  expect(
    asking({
      'src/dom0/libvirt/a.ts':
        "const name = isQemu(host) ? 'qemu' : 'libxl';\nconst bus = kindOf(definition).diskPrefix;\n",
      'src/dom0/shell/b.ts': "if (hypervisorOfHost() === 'kvm') show();\nif (kindOf(member).isOfXen) attach();\n",
      'src/ui/hypervisors/c.ts': "const isKvm = hypervisor === 'kvm';\n",
    }),
  ).toEqual({ 'src/dom0/libvirt/a.ts': 1, 'src/dom0/shell/b.ts': 2 });
});
