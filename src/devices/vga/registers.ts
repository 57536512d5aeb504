/** The VGA's registers as they are after a reset of the adapter. */
export const initialRegisters = () => ({
  misc: 0,
  feature: 0,
  sequencerIndex: 0,
  sequencer: new Uint8Array(8),
  graphicsIndex: 0,
  graphics: new Uint8Array(16),
  crtcIndex: 0,
  crtc: new Uint8Array(0x20),
  /** Attribute index with bit 5 (palette address source), and the flip-flop: true expects data. */
  attributeIndex: 0,
  attributeData: false,
  attribute: new Uint8Array(32),
  dacMask: 0xff,
  dacRead: 0,
  dacWrite: 0,
  /** Colour component that is next, and whether the DAC is being read. */
  dacStep: 0,
  dacReading: false,
  dac: new Uint8Array(768),
  latch: 0,
});
export type VgaRegisters = ReturnType<typeof initialRegisters>;
