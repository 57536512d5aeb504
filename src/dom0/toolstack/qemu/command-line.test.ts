/** Channels and a console in a guest's command line, as tests/qemuxml2argvdata/channel-virtio-unix.args of libvirt 9 has them, in the JSON of newer machines. */
import { expect, it } from 'vitest';
import { converted } from '../../libvirt/index.ts';

it('has channels as ports of one device, behind port 0, which is the console’s', async () => {
  const xml = `<domain type='kvm'>
  <name>web</name>
  <memory unit='MiB'>64</memory>
  <os><type machine='pc'>hvm</type><kernel>/boot/vmlinuz</kernel></os>
  <devices>
    <console type='pty'><target type='virtio' port='0'/></console>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
    <channel type='unix'><source mode='bind' path='/run/two'/><target type='virtio' name='two'/></channel>
  </devices>
</domain>`;
  const line = await converted({ format: 'qemu-argv', path: '/root/web.xml', text: xml }, true);
  const words = line.replaceAll(' \\\n', ' ');
  const at = (text: string): number => {
    expect(words).toContain(text);
    return words.indexOf(text);
  };
  const places = [
    `-device '{"driver":"virtio-serial-pci","id":"virtio-serial0","bus":"pci.0","addr":"0x`,
    '-chardev socket,id=charchannel0,fd=28,server=on,wait=off',
    `-device '{"driver":"virtserialport","bus":"virtio-serial0.0","nr":1,"chardev":"charchannel0","id":"channel0","name":"org.qemu.guest_agent.0"}'`,
    '-chardev socket,id=charchannel1,fd=29,server=on,wait=off',
    `-device '{"driver":"virtserialport","bus":"virtio-serial0.0","nr":2,"chardev":"charchannel1","id":"channel1","name":"two"}'`,
    `-device '{"driver":"virtconsole","chardev":"charconsole0","id":"console0"}'`,
  ].map(at);
  expect(places).toEqual(places.toSorted((a, b) => a - b));
  expect(words.match(/virtio-serial-pci/g)).toHaveLength(1);
});
