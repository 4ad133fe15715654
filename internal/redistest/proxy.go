package redistest

import (
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy is a connection between a client and a server that a test can make
// worse. It has an address of its own, and begins by passing everything on.
type Proxy struct {
	target string
	addr   string
	tb     testing.TB

	mu       sync.Mutex
	listener net.Listener // nil: down
	fault    Fault
	delay    time.Duration
	changed  chan struct{}      // closed when the fault changes
	links    map[*link]struct{} // the connections there are
	running  sync.WaitGroup
}

// Fault is what a Proxy does to what passes.
type Fault string

// The faults.
const (
	Healthy        Fault = "healthy"       // everything passes
	DropRequests   Fault = "swallow in"    // what the client sends vanishes
	DropReplies    Fault = "swallow out"   // the server gets everything, and its replies vanish
	CloseOnReply   Fault = "cut on reply"  // the server gets everything, and the connection ends when it replies
	CloseOnRequest Fault = "cut on asking" // the connection ends when the client sends something
)

// link is one connection through a Proxy.
type link struct{ client, server net.Conn }

func (l *link) cut() {
	_ = l.client.Close()
	_ = l.server.Close()
}

// NewProxy starts a proxy before the server, that ends with the test.
func NewProxy(tb testing.TB, server *Instance) *Proxy {
	tb.Helper()
	p := &Proxy{target: server.Addr(), tb: tb, fault: Healthy, changed: make(chan struct{}), links: map[*link]struct{}{}}
	p.Up()
	tb.Cleanup(func() {
		p.Down()
		p.SetFault(Healthy)
		p.running.Wait()
	})
	return p
}

// URL is what pool.Config.URL takes.
func (p *Proxy) URL() string { return "redis://" + p.addr }

// SetFault makes everything from now on pass with the fault, on the connections there
// are and on new ones. What was held up by a delay passes as the new fault says.
func (p *Proxy) SetFault(f Fault) { p.set(f, 0) }

// SetDelay holds up each piece that passes, in either direction.
func (p *Proxy) SetDelay(d time.Duration) { p.set(Healthy, d) }

func (p *Proxy) set(f Fault, delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault, p.delay = f, delay
	close(p.changed)
	p.changed = make(chan struct{})
}

// CloseConnections ends the connections there are, and lets new ones come.
func (p *Proxy) CloseConnections() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.cut()
	}
}

// Down ends the connections there are, and refuses new ones.
func (p *Proxy) Down() {
	p.mu.Lock()
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
	p.mu.Unlock()
	p.CloseConnections()
}

// Up takes connections again after Down, at the same address.
func (p *Proxy) Up() {
	p.tb.Helper()
	at := p.addr
	if at == "" {
		at = "127.0.0.1:0"
	}
	var listener net.Listener
	var err error
	if !waitFor(func() bool {
		listener, err = net.Listen("tcp4", at)
		return err == nil
	}) {
		p.tb.Fatalf("redistest: proxy: %v", err)
	}
	p.mu.Lock()
	p.listener, p.addr = listener, listener.Addr().String()
	p.mu.Unlock()
	p.running.Go(func() { p.accept(listener) })
}

// ConnectionCount is how many connections there are.
func (p *Proxy) ConnectionCount() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
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
		l := &link{client, server}
		p.mu.Lock()
		p.links[l] = struct{}{}
		down := p.listener != listener
		p.mu.Unlock()
		if down {
			l.cut()
		}
		p.running.Go(func() { p.pass(l) })
	}
}

func (p *Proxy) pass(l *link) {
	var both sync.WaitGroup
	both.Go(func() { p.copy(l, l.server, l.client, DropRequests, CloseOnRequest) })
	both.Go(func() { p.copy(l, l.client, l.server, DropReplies, CloseOnReply) })
	both.Wait()
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
}

// copy passes one direction on, which has two faults of its own.
func (p *Proxy) copy(l *link, to, from net.Conn, swallow, cut Fault) {
	defer l.cut()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		switch p.now() {
		case swallow:
			continue
		case cut:
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// now is the fault, after the delay.
func (p *Proxy) now() Fault {
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
		return p.now()
	}
}
