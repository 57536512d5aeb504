/** Settings that xl refuses together, and near ones that it takes: each line was tried with `xl -N create` of Xen 4.17. */
import { beforeAll, expect, it } from 'vitest';
import { isFault, judgeDefinition } from './judge-definition.ts';
import { verdicts } from './keys/verdicts-part.ts';
import { prepareToRead } from './source.ts';

beforeAll(verdicts.load);

const faults = (lines: string): string[] => {
  const text = `name = 'a'\nmemory = 64\ndisk = [ '/b.img,raw,hda' ]\n${lines}\n`;
  return judgeDefinition('a.cfg', text)
    .findings.filter(isFault)
    .map(({ text: why }) => why);
};
const NODE = "[ 'pnode=0', 'size=64', 'vcpus=0-1', 'vdistances=10' ]";

it.each([
  ["type = 'hvm'\nbuilder = 'generic'", 'Contradicting "builder" and "type"', "type = 'hvm'\nbuilder = 'hvm'"],
  ["type = 'hvm'\nbuilder = 'linux'", 'Contradicting "builder" and "type"', "type = 'hvm'"],
  ["type = 'hvm'\nbuilder = 'pv'", 'the builders were', "type = 'hvm'\nbuilder = 'hvm'"],
  [`type = 'hvm'\nvcpus = 3\nvnuma = [ ${NODE} ]`, 'maxvcpus < vcpus', `type = 'hvm'\nvcpus = 2\nvnuma = [ ${NODE} ]`],
  [
    `type = 'hvm'\nmaxvcpus = 3\nvnuma = [ ${NODE} ]`,
    'vnuma vcpus and maxvcpus= mismatch',
    `type = 'hvm'\nmaxvcpus = 2\nvnuma = [ ${NODE} ]`,
  ],
  [
    `type = 'hvm'\nmaxmem = 65\nvnuma = [ ${NODE} ]`,
    'maxmem and vnuma memory size mismatch',
    `type = 'hvm'\nmaxmem = 64\nvnuma = [ ${NODE} ]`,
  ],
  ["type = 'hvm'\nvnuma = [ 'pnode=0' ]", 'each node is a list', "type = 'hvm'\nvnuma = [ ]"],
  [
    "type = 'hvm'\nvnclisten = '0.0.0.0:3'\nvncdisplay = 3",
    'Display specified both in vnclisten and vncdisplay!',
    "type = 'hvm'\nvnclisten = '0.0.0.0'\nvncdisplay = 3",
  ],
] as const)('refuses as xl does: %s', (refused, why, taken) => {
  expect(faults(refused).join('\n')).toContain(why);
  expect(faults(taken)).toEqual([]);
});

it('says that xl refuses the builder linux, which xm took', async () => {
  for (const line of ["builder = 'linux'", "type = 'pv'\nbuilder = 'linux'"]) {
    const text = `name = 'a'\nmemory = 64\nkernel = '/k'\n${line}\n`;
    await prepareToRead(text);
    const { definition, findings } = judgeDefinition('a.cfg', text);
    expect(definition.kind).toBe('pv');
    expect(findings.filter(isFault)).toEqual([]);
    expect(findings.find(({ key }) => key === 'builder')).toMatchObject({
      warns: true,
      text: expect.stringContaining('xl refuses it: Invalid domain type linux.') as string,
    });
  }
});
