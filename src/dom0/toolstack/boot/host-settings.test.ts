import { describe, expect, it } from 'vitest';
import { settledHost } from './host-settings.ts';

const SUGGESTED = { pcpus: 3, memoryMiB: 1024, vt: true, diskBytes: 500e9 };

describe('the host that starts', () => {
  it('has what is asked for now, else what is kept, else what the device suggests', () => {
    expect(settledHost(SUGGESTED, { kept: 'pcpus=1 memory=256', asked: 'memory=512' })).toEqual({
      host: { ...SUGGESTED, pcpus: 1, memoryMiB: 512 },
    });
    expect(settledHost(SUGGESTED, { kept: '', asked: '' })).toEqual({ host: SUGGESTED });
  });

  it('loses nothing of what is asked for to kept words that make no sense, and the other way round', () => {
    const { host, problem } = settledHost(SUGGESTED, { kept: 'memroy=256 pcpus=1', asked: 'vt=off' });
    expect(host).toEqual({ ...SUGGESTED, vt: false });
    expect(problem).toMatch(/^\/etc\/ringside\/host is passed by: memroy=256 says nothing about a host/);
    const other = settledHost(SUGGESTED, { kept: 'pcpus=1', asked: 'vt=maybe' });
    expect(other.host).toEqual({ ...SUGGESTED, pcpus: 1 });
    expect(other.problem).toMatch(/^What the host was asked to have is passed by: vt=maybe: write vt=on/);
  });
});
