/** The medium of an emulated drive, whose requests are counted, and followed while somebody watches (tracing/io-trace.ts). */
import type { IdeAttachment } from '../../devices/ide/index.ts';
import { type BlockDevice, lengthOf } from '../../formats/blocks/index.ts';
import { IO_HOP, IO_OP, type IoTrace } from '../tracing/io-trace.ts';
import type { DomainRecord } from '../memory/machine.ts';

const OPS = { read: IO_OP.READ, write: IO_OP.WRITE, flush: IO_OP.FLUSH, discard: IO_OP.DISCARD } as const;

/** The same drives; nothing is in front of their media but a count, and a look whether somebody watches. */
export function tracedDrives(drives: readonly IdeAttachment[], io: IoTrace, record: DomainRecord): IdeAttachment[] {
  return drives.map(drive => {
    if (!drive.disk) return drive;
    const disk = traced(drive.disk, io, record, drive.place);
    return drive.kind === 'disk' ? { ...drive, disk } : { ...drive, disk };
  });
}

function traced(disk: BlockDevice, io: IoTrace, record: DomainRecord, place: number): BlockDevice {
  return disk.behind((asked, then) => {
    const done = (error?: Error): void => {
      if (!error && 'pieces' in asked) io.countDrive(record, place, asked.op, lengthOf(asked));
      then(error);
    };
    if (!io.follows(record)) return disk.request(asked, done);
    const number = io.begin();
    io.told(number, record, -1);
    if (asked.by) io.hop(number, IO_HOP.VIRTQUEUE, record.id, asked.by.head, asked.by.place);
    io.hop(number, IO_HOP.DRIVE, record.id, place, OPS[asked.op]);
    const sector = 'at' in asked ? asked.at / disk.sectorBytes : 0;
    io.hop(number, IO_HOP.SECTORS, record.id, sector, lengthOf(asked) / disk.sectorBytes);
    if ('pieces' in asked) io.data(number, record.id, asked.pieces);
    io.within(number, () =>
      disk.request(asked, error => {
        io.hop(number, IO_HOP.DONE, record.id, error ? -1 : 0, 0);
        done(error);
      }),
    );
  });
}
