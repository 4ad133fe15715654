package pool

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// breaker is the state of one address of a client. The address is down from the
// first failed attempt to connect until the server sends data. If it is down
// for longer than the grace, reads are not retried, and no call waits for a
// slow attempt to connect.
type breaker struct {
	grace time.Duration

	mu          sync.Mutex
	down        bool
	since       time.Time // of down; zero if nothing was observed
	lastError   error     // of the last failed attempt
	lastAttempt time.Time
	probe       *probe // nil if none is under way
}

// probe is an attempt to get a byte from a server that is down.
type probe struct {
	begin time.Time
	done  chan struct{} // closed after err is set
	err   error
}

// probeWait is how long a call waits for a probe. A server that is down usually
// refuses the connection much faster.
const probeWait = 100 * time.Millisecond

func (b *breaker) connected() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down || b.since.IsZero() {
		b.down, b.since = false, time.Now()
	}
}

// failed records a failed attempt to connect. If the caller has canceled it, it
// says nothing about the server.
func (b *breaker) failed(err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lastError, b.lastAttempt = err, time.Now()
	if !b.down {
		b.down, b.since = true, b.lastAttempt
	}
}

// graceLeft returns how much of the grace is left. If it is not positive, the
// address was down for longer.
func (b *breaker) graceLeft() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.down {
		return b.grace
	}
	return b.grace - time.Since(b.since)
}

// check returns nil if an attempt to connect may be made. After the grace, the
// server must have sent a byte to a probe. If it does not do so at once, check
// returns the last error, and the probe goes on for later calls.
func (b *breaker) check(ctx context.Context, timeout time.Duration, dial func(context.Context) (net.Conn, error)) error {
	if b.graceLeft() > 0 {
		return nil
	}
	p := b.currentProbe(timeout, dial)
	wait := time.NewTimer(probeWait - time.Since(p.begin))
	defer wait.Stop()
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return ctx.Err()
	case <-wait.C:
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.lastError
	}
}

// currentProbe returns the probe that is under way, or a new one.
func (b *breaker) currentProbe(timeout time.Duration, dial func(context.Context) (net.Conn, error)) *probe {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.probe == nil {
		p := &probe{begin: time.Now(), done: make(chan struct{})}
		b.probe = p
		go func() {
			p.err = probeServer(timeout, dial)
			if p.err != nil {
				b.failed(p.err)
			}
			b.mu.Lock()
			b.probe = nil
			b.mu.Unlock()
			close(p.done)
		}()
	}
	return b.probe
}

// probeServer returns nil if the server replies to PING, with whatever reply.
// It sends no inline command, because not all proxies know them.
func probeServer(timeout time.Duration, dial func(context.Context) (net.Conn, error)) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	conn, err := dial(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	end, _ := ctx.Deadline()
	if err := conn.SetDeadline(end); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("*1\r\n$4\r\nPING\r\n")); err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 1))
	return err
}
