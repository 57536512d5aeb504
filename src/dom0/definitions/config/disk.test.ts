import { describe, expect, it } from 'vitest';
import type { OptionRemark } from './options.ts';
import { type DiskSpec, formatDisk, parseDisk, placeOf } from './disk.ts';

const disk = (target: string, more: object = {}) => ({
  target,
  format: 'raw',
  vdev: 'xvda',
  kind: 'disk',
  readOnly: false,
  ...more,
});

describe('disk specifications (xl-disk-configuration(5))', () => {
  it('reads the examples of the manual page', () => {
    expect(parseDisk('/dev/vg/guest-volume,,hda')).toEqual(disk('/dev/vg/guest-volume', { vdev: 'hda' }));
    expect(parseDisk('/dev/vg/guest-volume,raw,hda,rw')).toEqual(disk('/dev/vg/guest-volume', { vdev: 'hda' }));
    expect(parseDisk('format=raw, vdev=hda, access=rw, target=/dev/vg/guest-volume')).toEqual(
      disk('/dev/vg/guest-volume', { vdev: 'hda' }),
    );
    expect(parseDisk('raw:/dev/vg/guest-volume,hda,w')).toBeTypeOf('object');
    const cd = { vdev: 'hdc', kind: 'cdrom', readOnly: true };
    expect(parseDisk('/root/image.iso,,hdc,cdrom')).toEqual(disk('/root/image.iso', cd));
    expect(parseDisk('/root/image.iso,,hdc,,cdrom')).toEqual(disk('/root/image.iso', cd));
    expect(parseDisk('/root/image.iso,raw,hdc,devtype=cdrom')).toEqual(disk('/root/image.iso', cd));
    expect(parseDisk('format=raw, vdev=hdc, access=ro, devtype=cdrom, target=/root/image.iso')).toEqual(
      disk('/root/image.iso', cd),
    );
  });

  it('reads what older releases wrote', () => {
    expect(parseDisk('phy:/dev/vg/lv,xvda,w')).toEqual(disk('/dev/vg/lv'));
    expect(parseDisk('file:/d.img,xvda,w')).toEqual(disk('/d.img'));
    expect(parseDisk('tap:aio:/d.img,xvda,w')).toEqual(disk('/d.img'));
    expect(parseDisk('file:/x.iso,hdc:cdrom,r')).toEqual(
      disk('/x.iso', { vdev: 'hdc', kind: 'cdrom', readOnly: true }),
    );
  });

  it('reads a disk that several guests write as xm wrote it, and says that xl knows no such access', () => {
    const said: OptionRemark[] = [];
    const shared = parseDisk('/dev/vg0/a,raw,xvda,access=w!', said);
    expect(shared).toEqual(disk('/dev/vg0/a', { shared: true }));
    expect(said).toMatchObject([{ name: 'access', verdict: 'approximated' }]);
    expect(parseDisk(formatDisk(shared as DiskSpec))).toEqual(shared);
  });

  it('gives target= the rest of the text, commas and all', () => {
    expect(parseDisk('vdev=hda,target=/a,b = c')).toEqual(disk('/a,b = c', { vdev: 'hda' }));
  });

  it('knows an empty CD-ROM drive', () => {
    expect(parseDisk('vdev=hdc,cdrom')).toMatchObject({ target: '', kind: 'cdrom' });
  });

  it('says what is wrong', () => {
    expect(parseDisk('/d.img')).toContain('names no virtual device');
    expect(parseDisk('/d.img,rwa,hda')).toContain('‘rwa’ is no format');
    expect(parseDisk('/d.img,raw,hda,w,w')).toContain('too many');
    expect(parseDisk('/d.img,raw,hda,vdev=hdb')).toContain('vdev is given twice');
    expect(parseDisk(',raw,hda')).toContain('names no file');
  });

  it('puts the first four disks on the IDE channels', () => {
    expect(['hda', 'xvdb', 'sdc', 'hdd', 'd3p0', 'xvde', 'hda1'].map(placeOf)).toEqual([0, 1, 2, 3, 3, -1, -1]);
  });
});
