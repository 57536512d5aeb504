/**
 * Makes the small set in this folder from a large one: node test/oracle/pick.mjs FOLDER_WITH_JSONL_GZ [FOLDER_HERE]
 * Of each form in each code size: one case for each way it ends (exception vector), and the last one that has memory operands.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';

const [, , folder, into = '.'] = process.argv;
for (const name of readdirSync(folder).filter(file => file.endsWith('.jsonl.gz'))) {
  const picked = new Map();
  const lines = gunzipSync(readFileSync(join(folder, name)))
    .toString()
    .trim()
    .split('\n');
  for (const line of lines) {
    const { n, w, m, o } = JSON.parse(line);
    const key = `${n} ${w} ${o.v}`;
    if (!picked.has(key)) picked.set(key, line);
    else if (m || o.m) picked.set(`${key} memory`, line);
  }
  const packed = gzipSync(`${[...picked.values()].join('\n')}\n`, { level: 9 });
  writeFileSync(fileURLToPath(new URL(`${into}/${name}`, import.meta.url)), packed);
  console.log(`${name}: ${picked.size} of ${lines.length} cases, ${packed.length} bytes`);
}
