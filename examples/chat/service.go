package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/scope"
)

// service is one process of the chat. Any number of them can share a Redis
// server.
type service struct {
	pools    *pool.Pools
	bind     []scope.Binder // what all work for a user is bound to
	triggers *expiry.Listener
}

func newService(pools *pool.Pools) (*service, error) {
	s := &service{pools: pools}
	s.bind = []scope.Binder{symphony.BindSharedState(pools, symphony.TTL(time.Hour)), s.bindShop}
	actions := expiry.NewRegistry()
	err := actions.On(answerAction, s.answerInbox)
	if err == nil {
		s.triggers, err = expiry.NewListener(pools, actions, expiry.Config{})
	}
	return s, err
}

// serve handles requests, triggers and queues until ctx ends. Then it finishes
// the requests first, since they create triggers and items.
func (s *service) serve(ctx context.Context, l net.Listener) error {
	server := newServer(s.routes())
	working, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	failed := make(chan error, 3)
	var work sync.WaitGroup
	work.Go(func() { failed <- s.triggers.Run(working) })
	work.Go(func() { failed <- s.ship(working) })
	go func() { failed <- server.Serve(l) }()

	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err = errors.Join(err, server.Shutdown(ending))
	stopWork()
	work.Wait()
	return err
}

// newServer limits what a client can use: the time to send a request and to
// read the response, and the size of the headers.
func newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
}

//go:embed page
var files embed.FS

func (s *service) routes() http.Handler {
	api := http.NewServeMux()
	api.Handle("POST /api/messages", endpoint(send))
	api.Handle("POST /api/typing", endpoint(typing))
	api.Handle("GET /api/state", endpoint(look))
	api.Handle("GET /api/orders", endpoint(orders))

	mux := http.NewServeMux()
	mux.Handle("/api/", scope.Middleware(identify, s.bind...)(api))
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /metrics", s.metrics)
	page, err := fs.Sub(files, "page")
	if err != nil {
		panic(err) // the folder is embedded
	}
	mux.Handle("/", http.FileServerFS(page))
	return guarded(mux)
}

// policy allows the page to load from and call its own server only, and forbids
// other pages to frame it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// guarded refuses requests from pages of another origin, and sends the security
// headers.
func guarded(next http.Handler) http.Handler {
	sameOrigin := http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if strings.HasPrefix(r.URL.Path, "/api/") {
			h.Set("Cache-Control", "no-store")
		}
		sameOrigin.ServeHTTP(w, r)
	})
}

// maxName is the most bytes of a tenant's or a user's name. Both become parts
// of keys.
const maxName = 64

// identify trusts the headers. A service may do so behind a gateway that
// authenticates each request and sets them. Otherwise, verify a token here.
func identify(r *http.Request) (scope.Identity, error) {
	id := scope.Identity{Tenant: r.Header.Get("X-Tenant"), User: r.Header.Get("X-User")}
	switch {
	case id == (scope.Identity{}):
		return id, errors.New("neither X-Tenant nor X-User")
	case len(id.Tenant) > maxName || len(id.User) > maxName:
		return id, fmt.Errorf("%w: X-Tenant and X-User must have at most %d bytes", symphony.ErrInvalidKey, maxName)
	}
	return id, nil
}

var errBadRequest = errors.New("bad request")

// endpoint responds with the result of handle as JSON. The middleware has bound
// a shop to the context.
func endpoint(handle func(r *http.Request, at *shop) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at, _ := shops.From(r.Context())
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		v, err := handle(r, at)
		switch {
		case errors.Is(err, errBadRequest):
			http.Error(w, err.Error(), http.StatusBadRequest)
		case err != nil:
			slog.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "who", at.id, "error", err)
			http.Error(w, "the request failed; try again", http.StatusServiceUnavailable)
		default:
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(v)
		}
	})
}

// send stores a message. When the user has stopped typing, the agent answers
// all messages at once.
func send(r *http.Request, at *shop) (any, error) {
	var m Message
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil || strings.TrimSpace(m.Text) == "" {
		return nil, fmt.Errorf(`%w: the body must be JSON with a text, such as {"text": "a lamp, please"}`, errBadRequest)
	}
	// The trigger is set before the push, because this process may die after
	// it, and again after the push, because the trigger may have fired in
	// between.
	if err := errors.Join(at.users.Update(r.Context(), at.id.User, messages.Add(1)), putOff(r, at)); err != nil {
		return nil, err
	}
	n, err := at.messages.Enqueue(r.Context(), at.inbox, Message{m.Text, time.Now()})
	return map[string]int64{"waiting": n}, errors.Join(err, putOff(r, at))
}

// typing postpones the answer, if one is due.
func typing(r *http.Request, at *shop) (any, error) {
	if err := putOff(r, at, symphony.IfExists()); !errors.Is(err, symphony.ErrNotFound) {
		return nil, err
	}
	return nil, nil
}

func putOff(r *http.Request, at *shop, opts ...symphony.Option) error {
	return at.triggers.With(opts...).Debounce(r.Context(), answerAction, at.id.User, at.settings.Quiet, at.settings.AtMost)
}

// look returns what the page shows of a user, except the orders.
func look(r *http.Request, at *shop) (any, error) {
	ctx := r.Context()
	var errs [6]error
	view := map[string]any{}
	view["user"], errs[0] = at.users.Get(ctx, at.id.User)
	view["conversation"], errs[1] = at.conversations.Get(ctx, at.id.User)
	view["waiting"], errs[2] = at.messages.Chunk(ctx, at.inbox, 0, -1)
	view["backlog"], errs[3] = at.messages.Backlog(ctx, at.inbox)
	view["answer_in_ms"], errs[4] = answerIn(ctx, at)
	view["scratch"], errs[5] = at.turn.Get(ctx, turnState)
	for _, err := range errs {
		if err != nil && !errors.Is(err, symphony.ErrNotFound) {
			return nil, err
		}
	}
	return view, nil
}

// answerIn returns in how many milliseconds the answer is due, which the page
// shows. It returns nil if none is due.
func answerIn(ctx context.Context, at *shop) (*int64, error) {
	due, err := at.triggers.Due(ctx, answerAction, at.id.User)
	if err != nil {
		return nil, err
	}
	ms := max(time.Until(due), 0).Milliseconds()
	return &ms, nil
}

// orders returns the orders of the user by id. It scans all keys, so the page
// calls it only if something changed.
func orders(r *http.Request, at *shop) (any, error) {
	found := map[string]Order{}
	for order, err := range at.orders.Find(r.Context(), buyer.Eq(at.id.User)) {
		if err != nil {
			return nil, err
		}
		found[order.ID] = order.Value
	}
	return found, nil
}

// health reports to a load balancer whether every pool is reachable.
func (s *service) health(w http.ResponseWriter, r *http.Request) {
	if err := s.pools.Ping(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// metrics returns the counters of pools and triggers in the format of
// Prometheus.
func (s *service) metrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	stats := s.pools.Stats()
	for _, alias := range s.pools.Aliases() {
		n := stats[alias]
		fmt.Fprintf(w, "pool_commands_total{pool=%q} %d\npool_errors_total{pool=%[1]q} %[3]d\n", alias, n.Commands, n.Errors)
		fmt.Fprintf(w, "pool_cache_hits_total{pool=%q} %d\npool_cache_misses_total{pool=%[1]q} %[3]d\n", alias, n.CacheHits, n.CacheMisses)
	}
	t := s.triggers.Stats()
	fmt.Fprintf(w, "triggers_pending %d\ntriggers_dead %d\ntriggers_succeeded_total %d\n", t.Pending, t.Dead, t.Succeeded)
}
