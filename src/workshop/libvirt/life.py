"""A guest's life as a program sees it that is written against libvirt's Python binding: told by libvirt's event loop, and asked for. URI and KERNEL, a kernel of Domain 0, are its arguments."""
import sys
import threading
import libvirt

URI, KERNEL = sys.argv[1:3]
EVENTS = ['Defined', 'Undefined', 'Started', 'Suspended', 'Resumed', 'Stopped', 'Shutdown', 'PMSuspended', 'Crashed']
UUID = '00000000-0000-4000-8000-00000000000a'
XML = f"""<domain type='xen'><name>life</name><uuid>{UUID}</uuid>
  <metadata><app:note xmlns:app='http://example.org/'>kept</app:note></metadata>
  <memory unit='MiB'>16</memory><vcpu>1</vcpu><os><type>linux</type><kernel>{KERNEL}</kernel></os>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/srv/pool/disk.img'/><target dev='xvda' bus='xen'/></disk>
    <interface type='bridge'><mac address='00:16:3e:00:00:0a'/><source bridge='xenbr0'/></interface>
    <graphics type='vnc' port='-1'/>
  </devices></domain>"""

told = threading.Condition()
events = []


def hear(_connection, domain, event, detail, _opaque):
    with told:
        events.append((domain.name(), EVENTS[event], detail))
        told.notify_all()


def expect(event):
    """Waits until it is told."""
    with told:
        if not told.wait_for(lambda: any(each[1] == event for each in events), 60):
            raise SystemExit(f'no event {event}: {events}')
        while events:
            name, what, detail = events.pop(0)
            print('event', name, what, detail)


def run():
    while True:
        libvirt.virEventRunDefaultImpl()


libvirt.registerErrorHandler(lambda _context, _error: None, None)
libvirt.virEventRegisterDefaultImpl()
threading.Thread(target=run, daemon=True).start()
connection = libvirt.open(URI)
connection.setKeepAlive(5, 3)
connection.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, hear, None)

# A pool and a volume, filled and read by streams.
pool = connection.storagePoolDefineXML(
    "<pool type='dir'><name>made</name><target><path>/srv/pool</path></target></pool>", 0)
print('pool', pool.isActive(), pool.isPersistent(), pool.autostart())
try:
    pool.create(0)
except libvirt.libvirtError as error:
    print('refused', error.get_error_code(), error)
pool.build(0)
pool.create(0)
pool.setAutostart(1)
print('pool', pool.isActive(), pool.isPersistent(), pool.autostart(), connection.listStoragePools())
volume = pool.createXML("<volume><name>disk.img</name><capacity unit='MiB'>1</capacity></volume>", 0)
content = bytes(at * at % 251 for at in range(1 << 20))
up = connection.newStream(0)
volume.upload(up, 0, len(content), 0)
sent = [0]


def more(_stream, count, _opaque):
    piece = content[sent[0]:sent[0] + count]
    sent[0] += len(piece)
    return piece


up.sendAll(more, None)
up.finish()
down = connection.newStream(0)
volume.download(down, 0, 0, 0)
got = []
down.recvAll(lambda _stream, piece, _opaque: got.append(piece), None)
down.finish()
print('volume', volume.path(), volume.info()[1], b''.join(got) == content)
copy = pool.createXMLFrom("<volume><name>copy.img</name><capacity unit='MiB'>1</capacity></volume>", volume, 0)
copy.resize(2 << 20, 0)
print('copy', copy.info()[1], sorted(pool.listVolumes()))
copy.delete(0)

# The domain.
domain = connection.defineXML(XML)
expect('Defined')
print('defined', 'life' in connection.listDefinedDomains(), domain.isPersistent(), domain.ID())
print('metadata', '<app:note xmlns:app=\'http://example.org/\'>kept</app:note>' in domain.XMLDesc(0))
domain.create()
expect('Started')
print('runs', domain.ID() in connection.listDomainsID(), domain.state()[0] in (1, 2))
print('blocks', len(domain.blockStats('xvda')), domain.blockInfo('xvda')[0])
print('addresses', domain.interfaceAddresses(libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE))
print('shares', domain.schedulerParameters(), domain.setSchedulerParameters({'weight': 512}), domain.schedulerParameters())
picture = connection.newStream(0)
print('screen', domain.screenshot(picture, 0, 0))
parts = []
picture.recvAll(lambda _stream, piece, _opaque: parts.append(piece), None)
picture.finish()
print('picture', b''.join(parts)[:2])
domain.suspend()
expect('Suspended')
print('state', domain.state())
domain.resume()
expect('Resumed')
domain.shutdown()
expect('Stopped')
print('state', domain.state())
domain.undefine()
expect('Undefined')
try:
    connection.lookupByName('life')
except libvirt.libvirtError as error:
    print('refused', error.get_error_code(), error)
volume.delete(0)
pool.destroy()
pool.delete(0)
pool.undefine()
print('pools', connection.listStoragePools(), connection.listDefinedStoragePools())
connection.close()
