package peers

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/bench/wire"
)

// listen wraps the connections of a rueidis client with a counter, if there is
// one.
func listen(o *rueidis.ClientOption, counter *wire.Counter) {
	if counter == nil {
		return
	}
	secret := o.TLSConfig
	o.DialCtxFn = func(ctx context.Context, addr string, _ *net.Dialer, _ *tls.Config) (net.Conn, error) {
		return counted(counter, secret)(ctx, "tcp", addr)
	}
}

// counted returns a dial function whose connections are wrapped with a counter.
func counted(counter *wire.Counter, secret *tls.Config) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		d := &net.Dialer{Timeout: 5 * time.Second}
		var conn net.Conn
		var err error
		if secret != nil {
			conn, err = (&tls.Dialer{NetDialer: d, Config: secret}).DialContext(ctx, network, addr)
		} else {
			conn, err = d.DialContext(ctx, network, addr)
		}
		if err != nil {
			return nil, err
		}
		return counter.Wrap(conn), nil
	}
}
