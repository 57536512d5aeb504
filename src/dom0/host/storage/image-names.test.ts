import fc from 'fast-check';
import { expect, it } from 'vitest';
import { GOOD_NAME } from './device-names.ts';
import { filePath, IMAGES, imageVolume, largeVolume } from './image-names.ts';

it('names a volume for each path, and the path for each of those names', () => {
  expect(imageVolume(`${IMAGES}/old/web (1).img`)).toBe('image+old+2Fweb+20+281+29.img');
  expect(largeVolume('/root/web.save')).toBe('file+root+2Fweb.save');
  const part = fc
    .string({ minLength: 1, maxLength: 12, unit: 'grapheme' })
    .filter(name => !/[/\0]/.test(name) && name !== '.' && name !== '..' && name.isWellFormed());
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 3 }), parts => {
      for (const [path, name] of [`${IMAGES}/`, '/root/']
        .map(folder => folder + parts.join('/'))
        .flatMap(each => [[each, imageVolume(each)] as const, [each, largeVolume(each)] as const])) {
        // What is too long for a volume's name, or lies elsewhere, is no volume.
        if (name === undefined) {
          expect(new TextEncoder().encode(path).length > 40 || !path.startsWith(IMAGES)).toBe(true);
          continue;
        }
        expect(name).toMatch(GOOD_NAME);
        expect(filePath(name)).toBe(path);
      }
    }),
  );
});

it.each([
  `${IMAGES}`,
  `${IMAGES}/`,
  `${IMAGES}/a//b`,
  `${IMAGES}/../x.img`,
  `${IMAGES}/./x.img`,
  '/root/x.img',
  `${IMAGES}/${'x'.repeat(120)}`,
])('has no volume for %s', path => {
  expect(imageVolume(path)).toBeUndefined();
});

it.each([
  'web',
  'image',
  'image+',
  'image+a+2',
  'image+a+zz',
  'image+a+41',
  'image+..',
  'image+a+2F..+2Fb',
  'image+%41',
  'image+a+C3',
  'file',
  'file+',
  'file+/a',
  'file+a+2F+2Fb',
])('has no file for the volume %s', name => {
  expect(filePath(name)).toBeUndefined();
});
