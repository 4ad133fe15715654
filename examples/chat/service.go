package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/scope"
)

// service is one process of the chat. Any number of them can share a Redis
// server.
type service struct {
	pools   *pool.Pools
	agent   agentConfig
	metrics *metrics
	bind    []scope.Binder // what all work for a user is bound to
	running atomic.Int64   // turns that have begun

	stopping context.Context // ends the responses that follow an answer
	stop     context.CancelFunc
}

func newService(pools *pool.Pools, agent agentConfig, m *metrics) *service {
	s := &service{pools: pools, agent: agent, metrics: m}
	s.stopping, s.stop = context.WithCancel(context.Background())
	s.bind = []scope.Binder{symphony.BindSharedState(pools, symphony.TTL(scratchLifetime)), s.bindShop}
	return s
}

// scratchLifetime is how long the page can show the scratch of a turn.
const scratchLifetime = 5 * time.Minute

// serve handles requests and queues until ctx ends. Then it finishes the
// requests first, since they create items.
func (s *service) serve(ctx context.Context, l net.Listener) error {
	server := newServer(s.routes())
	server.RegisterOnShutdown(s.stop)
	working, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	failed := make(chan error, 3)
	var work sync.WaitGroup
	work.Go(func() { failed <- s.answerInboxes(working) })
	work.Go(func() { failed <- s.ship(working) })
	go func() { failed <- server.Serve(l) }()

	var err error
	select {
	case <-ctx.Done():
		log.Printf("stopping: waiting for requests and for %d answers in progress; Ctrl-C again stops at once", s.running.Load())
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
	api.HandleFunc("GET /api/answers/{turn}", s.follow)
	api.Handle("PUT /api/email", endpoint(setEmail))

	mux := http.NewServeMux()
	mux.Handle("/api/", scope.OnRefusal(refuse)(scope.Middleware(identify, s.bind...)(api)))
	mux.HandleFunc("POST /api/login", s.login)
	mux.Handle("GET /healthz", symphony.Ready(s.pools))
	mux.Handle("GET /metrics", s.metrics.page)
	page, err := fs.Sub(files, "page")
	if err != nil {
		panic(err) // the folder is embedded
	}
	mux.Handle("/", http.FileServerFS(page))
	return guarded(mux)
}

// policy allows the page to load from and call its own server only, and forbids
// other pages to frame it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
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
	if query := r.URL.Query(); id == (scope.Identity{}) { // an EventSource sends no headers of its own
		id = scope.Identity{Tenant: query.Get("tenant"), User: query.Get("user")}
	}
	switch {
	case id == (scope.Identity{}):
		return id, errors.New("neither X-Tenant nor X-User")
	case id.Tenant == "" || id.User == "":
		return id, fmt.Errorf("%w: X-Tenant and X-User must not be empty", symphony.ErrInvalidKey)
	case len(id.Tenant) > maxName || len(id.User) > maxName:
		return id, fmt.Errorf("%w: X-Tenant and X-User must have at most %d bytes", symphony.ErrInvalidKey, maxName)
	}
	return id, nil
}

// refuse responds to a request that the middleware refuses. The errors of
// identify quote nothing secret, so the page may show those of a bad request.
func refuse(w http.ResponseWriter, _ *http.Request, status int, err error) {
	text := "unauthorized"
	switch status {
	case http.StatusBadRequest:
		text = err.Error()
	case http.StatusServiceUnavailable:
		text = "the request failed; try again"
	}
	http.Error(w, text, status)
}

var (
	errBadRequest = errors.New("bad request")
	errTaken      = errors.New("another user has this email")
)

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
		case errors.Is(err, errTaken):
			http.Error(w, err.Error(), http.StatusConflict)
		case r.Context().Err() != nil: // the client is gone
			slog.DebugContext(r.Context(), "request abandoned", "path", r.URL.Path, "error", err)
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
// all messages at once. The message and its postponement are one atomic step.
func send(r *http.Request, at *shop) (any, error) {
	var m Message
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil || strings.TrimSpace(m.Text) == "" {
		return nil, fmt.Errorf(`%w: the body must be JSON with a text, such as {"text": "a lamp, please"}`, errBadRequest)
	}
	if err := at.users.Update(r.Context(), at.id.User, messages.Add(1)); err != nil {
		return nil, err
	}
	n, err := at.messages.Enqueue(r.Context(), at.inbox, Message{m.Text, time.Now()})
	return map[string]int64{"waiting": n}, err
}

// typing postpones the answer, if a message waits for one.
func typing(r *http.Request, at *shop) (any, error) {
	if err := at.messages.PutOff(r.Context(), at.inbox); !errors.Is(err, symphony.ErrNotFound) {
		return nil, err
	}
	return nil, nil
}

// look returns what the page shows of a user, except the orders.
func look(r *http.Request, at *shop) (any, error) {
	ctx := r.Context()
	var view struct {
		User         User             `json:"user"`
		Conversation Conversation     `json:"conversation"`
		Waiting      []Message        `json:"waiting"`
		Backlog      listrepo.Backlog `json:"backlog"`
		AnswerIn     *int64           `json:"answer_in_ms"`
		Scratch      Turn             `json:"scratch"`
		Answering    []Line           `json:"answering"`
	}
	var errs [5]error
	view.User, errs[0] = at.users.Get(ctx, at.id.User)
	view.Conversation, errs[1] = at.conversations.Get(ctx, at.id.User)
	view.Waiting, errs[2] = at.messages.Chunk(ctx, at.inbox, 0, -1)
	view.Backlog, errs[3] = at.messages.Backlog(ctx, at.inbox)
	if view.Conversation.Scratch != "" {
		view.Scratch, errs[4] = at.turns.Get(ctx, view.Conversation.Scratch)
	}
	for _, err := range errs {
		if err != nil && !errors.Is(err, symphony.ErrNotFound) {
			return nil, err
		}
	}
	view.AnswerIn = answerIn(view.Backlog)
	if view.Backlog.Claimed > 0 {
		view.Answering = slices.DeleteFunc(slices.Clone(view.Scratch.Lines), func(l Line) bool {
			return slices.Contains(view.Conversation.Answered, l.Message)
		})
	}
	return view, nil
}

// answerIn returns in how many milliseconds the next turn begins. It returns
// nil if no message waits, or if the agent has to finish a turn first.
func answerIn(inbox listrepo.Backlog) *int64 {
	if inbox.Waiting == 0 || inbox.Claimed > 0 {
		return nil
	}
	ms := max(time.Until(inbox.Ready), 0).Milliseconds()
	return &ms
}

// follow sends the words of an answer while the agent says them, from the place
// where the page was.
func (s *service) follow(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.stopping, cancel)()
	at, _ := shops.From(ctx)
	err := at.answers.ServeEvents(w, r.WithContext(ctx), at.answerOf(r.PathValue("turn")))
	if err != nil && ctx.Err() == nil {
		slog.WarnContext(ctx, "an answer was not followed to its end", "who", at.id, "error", err)
	}
}

// orders returns the orders of the user by id. The index of their buyers finds
// them among those of all users of the tenant.
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

// setEmail sets the email by which the user logs in. The check that no other
// user has it and the write are one atomic step.
func setEmail(r *http.Request, at *shop) (any, error) {
	address, err := readEmail(r)
	if err != nil {
		return nil, err
	}
	err = at.users.Update(r.Context(), at.id.User, email.Set(address))
	if errors.Is(err, symphony.ErrExists) {
		return nil, errTaken // err names the other user, which is not for this one
	}
	return map[string]string{"email": address}, err
}

// login returns the name of the user with an email. It stands for a login: a
// service would verify a password too, and return a token that identify
// understands.
func (s *service) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	user, err := s.findUser(r)
	switch {
	case errors.Is(err, symphony.ErrNotFound):
		http.Error(w, "no user has this email", http.StatusUnauthorized)
	case errors.Is(err, errBadRequest), errors.Is(err, symphony.ErrInvalidKey):
		http.Error(w, err.Error(), http.StatusBadRequest)
	case r.Context().Err() != nil: // the client is gone
		slog.DebugContext(r.Context(), "login abandoned", "error", err)
	case err != nil:
		slog.ErrorContext(r.Context(), "login failed", "error", err)
		http.Error(w, "the request failed; try again", http.StatusServiceUnavailable)
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"user": user})
	}
}

// findUser returns the name of the user of the tenant X-Tenant with the email
// in the body. The unique index finds it in one round trip.
func (s *service) findUser(r *http.Request) (string, error) {
	address, err := readEmail(r)
	if err != nil {
		return "", err
	}
	tenant := r.Header.Get("X-Tenant")
	if len(tenant) > maxName {
		return "", fmt.Errorf("%w: X-Tenant must have at most %d bytes", errBadRequest, maxName)
	}
	users, err := s.usersOf(tenant)
	if err != nil {
		return "", err
	}
	user, err := users.FindOne(r.Context(), email.Eq(address))
	return user.ID, err
}

// readEmail returns the email in a request, in the form in which it is stored:
// an index compares bytes.
func readEmail(r *http.Request) (string, error) {
	var body struct{ Email string }
	err := json.NewDecoder(r.Body).Decode(&body)
	address, errAddress := mail.ParseAddress(body.Email)
	if err != nil || errAddress != nil {
		return "", fmt.Errorf(`%w: the body must be JSON with an email, such as {"email": "alice@example.com"}`, errBadRequest)
	}
	return strings.ToLower(address.Address), nil
}
