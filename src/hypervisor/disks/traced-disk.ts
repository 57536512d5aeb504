/** The medium of an emulated drive, whose requests are followed while somebody watches (tracing/io-trace.ts). */
import type { Disk, IdeAttachment } from '../../devices/ide/index.ts';
import { IO_HOP, IO_OP, type IoTrace } from '../tracing/io-trace.ts';
import type { DomainRecord } from '../memory/machine.ts';

type Done = (ok: boolean) => void;

/** The same drives; nothing is in front of their media but a look whether somebody watches. */
export function tracedDrives(drives: readonly IdeAttachment[], io: IoTrace, record: DomainRecord): IdeAttachment[] {
  return drives.map(drive => {
    if (!drive.disk) return drive;
    const disk = traced(drive.disk, io, record, drive.place);
    return drive.kind === 'disk' ? { ...drive, disk } : { ...drive, disk };
  });
}

function traced(disk: Disk, io: IoTrace, record: DomainRecord, place: number): Disk {
  const follow = (op: number, sector: number, sectors: number, done: Done, work: (done: Done) => void): void => {
    const request = io.begin();
    io.told(request, record, -1);
    io.hop(request, IO_HOP.DRIVE, record.id, place, op);
    io.hop(request, IO_HOP.SECTORS, record.id, sector, sectors);
    io.within(request, () =>
      work(ok => {
        io.hop(request, IO_HOP.DONE, record.id, ok ? 0 : -1, 0);
        done(ok);
      }),
    );
  };
  const sectorsOf = (pieces: Uint8Array[]): number =>
    pieces.reduce((sum, { length }) => sum + length, 0) / disk.sectorBytes;
  return Object.create(disk, {
    read: {
      value: ((sector, into, done) =>
        io.follows(record)
          ? follow(IO_OP.READ, sector, sectorsOf(into), done, answer => disk.read(sector, into, answer))
          : disk.read(sector, into, done)) satisfies Disk['read'],
    },
    write: {
      value: ((sector, from, done) =>
        io.follows(record)
          ? follow(IO_OP.WRITE, sector, sectorsOf(from), done, answer => disk.write(sector, from, answer))
          : disk.write(sector, from, done)) satisfies Disk['write'],
    },
    flush: {
      value: ((done: Done) =>
        io.follows(record)
          ? follow(IO_OP.FLUSH, 0, 0, done, answer => disk.flush(answer))
          : disk.flush(done)) satisfies Disk['flush'],
    },
  });
}
