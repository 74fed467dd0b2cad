//go:build linux

package netlab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A Host is one machine of the lab. Its methods may be called from any goroutine.
type Host struct {
	// Addr is the host's only address but for loopback.
	Addr netip.Addr

	calls chan func()
	tun   *os.File // packets from and to the host
	netns int      // a descriptor of its network namespace
}

const device = "eth0"

// newHost makes the namespaces and the device.
func newHost(addr netip.Addr) (*Host, error) {
	h := &Host{Addr: addr, calls: make(chan func()), netns: -1}
	made := make(chan error)
	go h.live(made)
	if err := <-made; err != nil {
		return nil, fmt.Errorf("netlab: host %v: %w", addr, err)
	}
	return h, nil
}

// live is the host's thread. It is never unlocked, so it ends with this function, and
// the namespaces with it.
func (h *Host) live(made chan<- error) {
	runtime.LockOSThread()
	err := h.settle()
	made <- err
	if err != nil {
		return
	}
	for call := range h.calls {
		call()
	}
}

// settle moves the calling thread into namespaces of its own and configures them.
func (h *Host) settle() (err error) {
	if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("make namespaces: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep mounts private: %w", err)
	}
	if h.netns, err = unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		return fmt.Errorf("open the network namespace: %w", err)
	}
	if h.tun, err = openTUN(); err != nil {
		return err
	}
	return errors.Join(up("lo", netip.Addr{}), up(device, h.Addr))
}

// openTUN makes the device in the calling thread's network namespace.
func openTUN() (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/net/tun: %w", err)
	}
	r, err := unix.NewIfreq(device)
	if err == nil {
		r.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, r)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("make a TUN device: %w", err)
	}
	return os.NewFile(uintptr(fd), "tun"), nil
}

// up gives a device of the calling thread's namespace its address, if it is to have
// one, and switches it on.
func up(name string, addr netip.Addr) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	set := func(request uint, fill func(*unix.Ifreq) error) {
		r, e := unix.NewIfreq(name)
		if e == nil {
			e = fill(r)
		}
		if e == nil {
			e = unix.IoctlIfreq(fd, request, r)
		}
		if e != nil && err == nil {
			err = fmt.Errorf("configure %s: %w", name, e)
		}
	}
	if addr.IsValid() {
		set(unix.SIOCSIFADDR, func(r *unix.Ifreq) error { return r.SetInet4Addr(addr.AsSlice()) })
		set(unix.SIOCSIFNETMASK, func(r *unix.Ifreq) error { return r.SetInet4Addr(net.CIDRMask(prefixBits, 32)) })
	}
	set(unix.SIOCSIFFLAGS, func(r *unix.Ifreq) error { r.SetUint16(unix.IFF_UP); return nil })
	return err
}

// Do runs a function on the host's thread, where files, mounts and new sockets are the
// host's. It must not start goroutines that need to be there too, nor take long: one
// function runs at a time.
func (h *Host) Do(f func() error) error {
	done := make(chan error)
	h.calls <- func() { done <- f() }
	return <-done
}

// Start starts a process in the host. It is killed when this process ends.
func (h *Host) Start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	return h.Do(cmd.Start)
}

// Dial connects from the host to an address of the lab.
func (h *Host) Dial(addr netip.AddrPort, timeout time.Duration) (net.Conn, error) {
	type result struct {
		c   net.Conn
		err error
	}
	dialled := make(chan result)
	go func() {
		runtime.LockOSThread() // and the thread ends here
		if err := unix.Setns(h.netns, unix.CLONE_NEWNET); err != nil {
			dialled <- result{nil, fmt.Errorf("netlab: enter host %v: %w", h.Addr, err)}
			return
		}
		c, err := net.DialTimeout("tcp", addr.String(), timeout)
		dialled <- result{c, err}
	}()
	r := <-dialled
	return r.c, r.err
}

// Listen listens on a port of the host.
func (h *Host) Listen(port uint16) (l net.Listener, err error) {
	err = h.Do(func() error {
		l, err = net.Listen("tcp", netip.AddrPortFrom(h.Addr, port).String())
		return err
	})
	return l, err
}

// Mount gives the host a disk of its own, in memory, of so many bytes. It goes with the
// host.
func (h *Host) Mount(dir string, size int64) error {
	return h.Do(func() error {
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
			return fmt.Errorf("netlab: mount a disk at %s: %w", dir, err)
		}
		return nil
	})
}

// close ends the thread, and with it the namespaces and the processes.
func (h *Host) close() {
	close(h.calls)
	_ = h.tun.Close()
	_ = unix.Close(h.netns)
}
