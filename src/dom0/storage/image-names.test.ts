import fc from 'fast-check';
import { expect, it } from 'vitest';
import { GOOD_NAME } from './storage.ts';
import { IMAGES, imagePath, imageVolume } from './image-names.ts';

it('names a volume for each path, and the path for each of those names', () => {
  expect(imageVolume(`${IMAGES}/old/web (1).img`)).toBe('image+old+2Fweb+20+281+29.img');
  const part = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }).filter(name => !/[/\0]/.test(name) && name !== '.' && name !== '..' && name.isWellFormed());
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 3 }), parts => {
      const path = `${IMAGES}/${parts.join('/')}`;
      const name = imageVolume(path);
      // What is too long for a volume's name is no image.
      if (name === undefined) {
        expect(new TextEncoder().encode(path).length).toBeGreaterThan(50);
        return;
      }
      expect(name).toMatch(GOOD_NAME);
      expect(imagePath(name)).toBe(path);
    }),
  );
});

it.each([`${IMAGES}`, `${IMAGES}/`, `${IMAGES}/a//b`, `${IMAGES}/../x.img`, `${IMAGES}/./x.img`, '/root/x.img', `${IMAGES}/${'x'.repeat(120)}`])('has no volume for %s', path => {
  expect(imageVolume(path)).toBeUndefined();
});

it.each(['web', 'image', 'image+', 'image+a+2', 'image+a+zz', 'image+a+41', 'image+..', 'image+a+2F..+2Fb', 'image+%41', 'image+a+C3'])('has no file for the volume %s', name => {
  expect(imagePath(name)).toBeUndefined();
});
