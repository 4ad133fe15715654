package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"strconv"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/bench/peers"
	"github.com/symphony-go/symphony/pool"
)

// bed is what the contestants need: this library on a server, and a pipeline to
// it.
type bed struct {
	pools    *pool.Pools // has the pool peers.Alias
	recorder *recorder   // of the commands that pools sends
	pipeline *pipeline
	client   rueidis.Client // for what is not measured
}

func openBed(ctx context.Context, url string) (_ *bed, err error) {
	o, err := rueidis.ParseURL(url)
	if err != nil {
		return nil, err
	}
	b := &bed{recorder: &recorder{}}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if b.pipeline, err = openPipeline(ctx, o); err != nil {
		return nil, err
	}
	b.pools, err = pool.Open(ctx, pool.Config{
		URLs:      map[pool.Alias]string{peers.Alias: url},
		Databases: map[pool.Alias]int{peers.Alias: o.SelectDB},
		Logger:    slog.New(slog.DiscardHandler),
		NewClient: func(o rueidis.ClientOption) (rueidis.Client, error) {
			o.DialCtxFn = func(ctx context.Context, addr string, d *net.Dialer, secret *tls.Config) (net.Conn, error) {
				conn, err := dial(ctx, d, addr, secret)
				return recordedConn{conn, b.recorder}, err
			}
			return rueidis.NewClient(o)
		},
	})
	if err != nil {
		return nil, err
	}
	b.client, err = b.pools.Client(peers.Alias)
	return b, err
}

func (b *bed) close() {
	if b.pools != nil {
		b.pools.Close()
	}
	if b.pipeline != nil {
		_ = b.pipeline.conn.Close()
	}
}

// record returns the commands that the library sends during do, which must use
// it from one goroutine. do runs twice, so that the server has every script.
func (b *bed) record(do func() error) (*recording, error) {
	if err := do(); err != nil {
		return nil, err
	}
	if _, err := b.recorder.take(); err != nil {
		return nil, err
	}
	if err := do(); err != nil {
		return nil, err
	}
	return b.recorder.take()
}

func openPipeline(ctx context.Context, o rueidis.ClientOption) (*pipeline, error) {
	conn, err := dial(ctx, &net.Dialer{}, o.InitAddress[0], o.TLSConfig)
	if err != nil {
		return nil, err
	}
	p, login := &pipeline{conn, bufio.NewReader(conn)}, &recording{}
	if o.Password != "" {
		user := o.Username
		if user == "" {
			user = "default"
		}
		login.add("AUTH", user, o.Password)
	}
	login.add("SELECT", strconv.Itoa(o.SelectDB))
	if err := p.send(ctx, login); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("-url: %w", err)
	}
	return p, nil
}

func dial(ctx context.Context, d *net.Dialer, addr string, secret *tls.Config) (net.Conn, error) {
	if secret != nil {
		return (&tls.Dialer{NetDialer: d, Config: secret}).DialContext(ctx, "tcp", addr)
	}
	return d.DialContext(ctx, "tcp", addr)
}
