package redistest

import (
	"cmp"
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy forwards connections from clients to a server, and adds faults to them.
// It begins without a fault.
type Proxy struct {
	target string
	addr   string
	tb     testing.TB

	mu       sync.Mutex
	listener net.Listener // nil while the proxy is down
	fault    Fault
	delay    time.Duration
	changed  chan struct{} // closed when the fault or the delay changes
	conns    map[*proxyConn]struct{}
	running  sync.WaitGroup
}

// Fault is what a [Proxy] does with the data between client and server.
type Fault string

// The faults.
const (
	Healthy        Fault = "healthy"       // everything passes
	DropRequests   Fault = "swallow in"    // what the client sends vanishes
	DropReplies    Fault = "swallow out"   // the server gets everything, and its replies vanish
	CloseOnReply   Fault = "cut on reply"  // the server gets everything, and the connection ends when it replies
	CloseOnRequest Fault = "cut on asking" // the connection ends when the client sends something
)

// proxyConn is a connection through a Proxy.
type proxyConn struct{ client, server net.Conn }

func (c *proxyConn) close() {
	_ = c.client.Close()
	_ = c.server.Close()
}

// NewProxy starts a Proxy to the server. It runs until the test ends.
func NewProxy(tb testing.TB, server *Instance) *Proxy {
	tb.Helper()
	p := &Proxy{target: server.Addr(), tb: tb, fault: Healthy, changed: make(chan struct{}), conns: map[*proxyConn]struct{}{}}
	p.Up()
	tb.Cleanup(func() {
		p.Down()
		p.SetFault(Healthy)
		p.running.Wait()
	})
	return p
}

// URL returns the value for pool.Config.URL.
func (p *Proxy) URL() string { return "redis://" + p.addr }

// SetFault sets the fault of existing and new connections, and removes the
// delay. Data that was delayed is handled according to the new fault.
func (p *Proxy) SetFault(f Fault) { p.set(f, 0) }

// SetDelay removes the fault and delays all data in both directions.
func (p *Proxy) SetDelay(d time.Duration) { p.set(Healthy, d) }

func (p *Proxy) set(f Fault, delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault, p.delay = f, delay
	close(p.changed)
	p.changed = make(chan struct{})
}

// CloseConnections closes all connections. New ones are accepted.
func (p *Proxy) CloseConnections() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.close()
	}
}

// Down closes all connections and refuses new ones.
func (p *Proxy) Down() {
	p.mu.Lock()
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
	p.mu.Unlock()
	p.CloseConnections()
}

// Up accepts connections again after [Proxy.Down], at the same address.
func (p *Proxy) Up() {
	p.tb.Helper()
	addr := cmp.Or(p.addr, local(freePort(p.tb)))
	var listener net.Listener
	var err error
	if !waitFor(func() bool {
		listener, err = net.Listen("tcp4", addr)
		return err == nil
	}) {
		p.tb.Fatalf("redistest: proxy: %v", err)
	}
	p.mu.Lock()
	p.listener, p.addr = listener, listener.Addr().String()
	p.mu.Unlock()
	p.running.Go(func() { p.accept(listener) })
}

// ConnectionCount returns how many connections are open.
func (p *Proxy) ConnectionCount() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}

func (p *Proxy) accept(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp4", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		c := &proxyConn{client, server}
		p.mu.Lock()
		p.conns[c] = struct{}{}
		down := p.listener != listener
		p.mu.Unlock()
		if down {
			c.close()
		}
		p.running.Go(func() { p.forward(c) })
	}
}

func (p *Proxy) forward(c *proxyConn) {
	var both sync.WaitGroup
	both.Go(func() { p.copy(c, c.server, c.client, DropRequests, CloseOnRequest) })
	both.Go(func() { p.copy(c, c.client, c.server, DropReplies, CloseOnReply) })
	both.Wait()
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
}

// copy forwards one direction. The faults drop and cut apply to this direction.
func (p *Proxy) copy(c *proxyConn, to, from net.Conn, drop, cut Fault) {
	defer c.close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		switch p.currentFault() {
		case drop:
			continue
		case cut:
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// currentFault waits for the delay, and returns the fault that then applies.
func (p *Proxy) currentFault() Fault {
	p.mu.Lock()
	f, delay, changed := p.fault, p.delay, p.changed
	p.mu.Unlock()
	if delay == 0 {
		return f
	}
	wait := time.NewTimer(delay)
	defer wait.Stop()
	select {
	case <-wait.C:
		return f
	case <-changed:
		return p.currentFault()
	}
}
