import { expect, it } from 'vitest';
import { isError, judgeDefinition } from '../dom0/definitions/config/judge-definition.ts';
import { prepareToRead } from '../dom0/definitions/config/source.ts';
import { allRemedied, remedied, remedyOf, unreadOf } from './error-remedy.ts';

const mib = { line: 2, column: 10, remedy: { write: '64' } };
const key = { line: 1, column: 1, remedy: { write: 'memory' } };
const action = { line: 1, column: 12, remedy: { write: '"destroy"' } };

it('writes what the finding has in the place of what is wrong', () => {
  expect(remedyOf(mib)).toBe('64');
  expect(remedied('name = "a"\nmemory = "64M"\n', mib)).toBe('name = "a"\nmemory = 64\n');
  expect(remedied('on_crash = "destory"', action)).toBe('on_crash = "destroy"');
  expect(remedied('cpus = "0,5-2"', { line: 1, column: 8, remedy: { write: '2-5', of: '5-2' } })).toBe(
    'cpus = "0,2-5"',
  );
  expect(remedied('name = "a"\n\n', { line: 1, column: 1, remedy: { write: 'boot = "d"', line: true } })).toBe(
    'name = "a"\nboot = "d"\n',
  );
  expect(allRemedied('memroy = 8\nmemory = "64M" # all', [key, mib])).toBe('memory = 8\nmemory = 64 # all');
});

it('says nothing where the finding has no value, whatever its sentence ends with, and where its place is in doubt', () => {
  const missing = { text: 'web is not among the dropped files. Write vmlinuz.', line: 1, column: 1 };
  expect(remedied('kernel = "web"', missing)).toBeUndefined();
  expect(allRemedied('kernel = "vmlinuz"\nmemory = "64M"', [missing, mib])).toBeUndefined();
  expect(remedied('cpus = "5-2,5-2"', { line: 1, column: 8, remedy: { write: '2-5', of: '5-2' } })).toBeUndefined();
});

it('mends what Domain 0 finds: judged again the error is gone, and no other has come', async () => {
  const lines = [
    'memory = "64M"',
    'memroy = 64',
    'cpus = "0,5-2"',
    'cpus = ["5-2"]',
    'type = "hvn"',
    'on_crash = "destory"',
    'acpi = "yes"',
    'acpi = True',
    'vif = [ "brige=xenbr0" ]',
    'on-crash = "destroy"',
    'disk = [ "a.img,rwa,xvda,w" ]',
    'disk = [ "a.img,raw,xvda,x" ]',
    'disk = [ "a.img,raw,xvda,w,b=c" ]',
    'disk = [ "acces=w,vdev=xvda,target=a.img" ]',
    'vfb = [ "tpye=vnc" ]',
    'vif = [ "type=ieomu" ]',
    'builder = "hmv"',
    'vif = [ "mac=01:00:00:00:00:00" ]',
    'vcpus = -1',
    'maxvcpus = 1\nvcpus = 2',
  ];
  const errorsOf = (text: string) =>
    judgeDefinition('a.cfg', `name = "a"\n${text}\n`).findings.filter(finding => isError(finding) || finding.warns);
  // As the page does: xm's language has True, and is read once its reader is there.
  for (const line of lines) await prepareToRead(line);
  const judged = lines.map(line => {
    const before = errorsOf(line),
      finding = before.find(each => remedyOf(each) !== undefined);
    if (!finding) return `${line}: by hand`;
    const after = remedied(`name = "a"\n${line}\n`, finding) ?? '\n(no place)';
    return `${line} → ${after.split('\n').slice(1).join('\n').trim()}: ${before.length - errorsOf(after.split('\n').slice(1).join('\n')).length}`;
  });
  expect(judged.filter(each => !/: (by hand|1)$/.test(each))).toEqual([]);
  expect(judged.join('\n')).toMatchInlineSnapshot(`
    "memory = "64M" → memory = 64: 1
    memroy = 64 → memory = 64: 1
    cpus = "0,5-2" → cpus = "0,2-5": 1
    cpus = ["5-2"] → cpus = ["2-5"]: 1
    type = "hvn" → type = "hvm": 1
    on_crash = "destory" → on_crash = "destroy": 1
    acpi = "yes" → acpi = 1: 1
    acpi = True: by hand
    vif = [ "brige=xenbr0" ] → vif = [ "bridge=xenbr0" ]: 1
    on-crash = "destroy" → on_crash = "destroy": 1
    disk = [ "a.img,rwa,xvda,w" ] → disk = [ "a.img,raw,xvda,w" ]: 1
    disk = [ "a.img,raw,xvda,x" ]: by hand
    disk = [ "a.img,raw,xvda,w,b=c" ]: by hand
    disk = [ "acces=w,vdev=xvda,target=a.img" ] → disk = [ "access=w,vdev=xvda,target=a.img" ]: 1
    vfb = [ "tpye=vnc" ] → vfb = [ "type=vnc" ]: 1
    vif = [ "type=ieomu" ]: by hand
    builder = "hmv": by hand
    vif = [ "mac=01:00:00:00:00:00" ]: by hand
    vcpus = -1: by hand
    maxvcpus = 1
    vcpus = 2: by hand"
  `);
});

it('shows what a text has where a value could not be read, of XML what stands in the element', () => {
  const of = (source: string, column: number): string => unreadOf({ source, column });
  expect(of('memory = "2G"', 10)).toBe('2G');
  expect(of("memory = '2G' # much", 10)).toBe('2G');
  expect(of('memory = 2G, 7', 10)).toBe('2G');
  expect(of("  <memory unit='GiB'>2x</memory>", 3)).toBe('2x');
  expect(of('  <memory', 3)).toBe('');
});
