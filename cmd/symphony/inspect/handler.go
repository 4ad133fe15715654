package inspect

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/pool"
)

// Option is an option of [Handler].
type Option struct{ set func(*handler) }

// Write allows the buttons that change data: retry, discard, run now and erase.
// Without it, no page shows them, and their requests are refused with the
// status 403.
func Write() Option { return Option{func(h *handler) { h.canWrite = true }} }

// Redact hides values. Their lengths, names of fields, ids and the reasons of
// failures are shown.
func Redact() Option { return Option{func(h *handler) { h.view.Redact = true }} }

// Codec decodes values. The default is [codec.Compact], which reads JSON too.
func Codec(c codec.Codec) Option { return Option{func(h *handler) { h.view.Codec = c }} }

// AllowedHosts are names by which browsers may reach the handler, without a
// port, beside localhost and the IP address of the connection. All other
// requests are refused with the status 403, because another site could have
// made its own name resolve to this address. The name "*" accepts every host;
// it is for services that check the host themselves.
func AllowedHosts(names ...string) Option {
	return Option{func(h *handler) { h.hosts = append(h.hosts, names...) }}
}

// Logger receives a line for each change. It defaults to slog.Default().
func Logger(l *slog.Logger) Option { return Option{func(h *handler) { h.logger = l }} }

// Rate limits how many keys a walk visits in a second. It defaults to 100,000.
// At most 0 means no limit. At most three walks run at the same time.
func Rate(keys int) Option { return Option{func(h *handler) { h.rate = keys }} }

// Handler returns the pages of the inspector: servers and pools, tenants,
// queues, triggers, dead letters, records and a search. They work without
// JavaScript; with it, they update every two seconds. The handler serves its
// own style sheet and script, and no page loads anything from elsewhere.
//
// Handler does not know users: it is for operators, who may see all tenants. A
// service that mounts it must
//
//   - put it behind its own login, and let only operators pass;
//   - mount it below a path that ends in a slash, with [http.StripPrefix]
//     without the slash. All links are relative;
//   - name the host of the service with [AllowedHosts], unless it is reached by
//     its IP address or as localhost;
//   - pass Host, Origin, the Sec-Fetch-Site header and cookies on, if a proxy
//     stands before it.
//
// Without [Write], no request changes data. With it, a change is a POST that
// another page asked for first, with a token that is bound to a cookie, and
// requests of other sites are refused ([http.CrossOriginProtection]). Each
// change is a line of the log, with the remote address. The context of that
// line is the context of the request, so that a [slog.Handler] can add the
// user.
//
// A page of one service or tenant reads lists. Walks with SCAN run in the
// background, once for all viewers, at a limited rate, and pages show its
// progress and its last result. Handler never sends KEYS. Its memory does not
// grow with the number of keys, but with that of tenants.
func Handler(pools *pool.Pools, opts ...Option) http.Handler {
	h := &handler{
		pools: pools, logger: slog.Default(), rate: 100_000, secret: []byte(rand.Text()),
	}
	h.jobs = newJobs(h.paced)
	for _, o := range opts {
		if o.set != nil {
			o.set(h)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", h.show(h.overview))
	mux.HandleFunc("GET /tenants", h.show(h.tenants))
	mux.HandleFunc("GET /tenant", h.show(h.tenant))
	mux.HandleFunc("GET /queues", h.show(h.queues))
	mux.HandleFunc("GET /queue", h.show(h.queue))
	mux.HandleFunc("GET /triggers", h.show(h.triggers))
	mux.HandleFunc("GET /dead", h.show(h.dead))
	mux.HandleFunc("GET /record", h.show(h.record))
	mux.HandleFunc("GET /search", h.show(h.search))
	mux.HandleFunc("POST /walk", h.change(h.walkAgain))
	for _, c := range changes {
		mux.HandleFunc("GET /"+c.path, h.show(h.writable(func(ctx context.Context, r request) (page, error) { return c.ask(h, ctx, r) })))
		mux.HandleFunc("POST /"+c.path, h.change(func(ctx context.Context, r request) (string, error) {
			if !h.canWrite {
				return "", errReadOnly
			}
			return c.do(h, ctx, r)
		}))
	}
	mux.HandleFunc("GET /assets/{name}", serveAsset)
	mux.HandleFunc("GET /", h.show(func(context.Context, request) (page, error) { return page{}, errNoPage }))
	return h.guard(mux)
}

// changes are the pages that ask before they change data.
var changes = []struct {
	path string
	ask  func(*handler, context.Context, request) (page, error)
	do   func(*handler, context.Context, request) (location string, err error)
}{
	{"retry", (*handler).askRetry, (*handler).doRetry},
	{"discard", (*handler).askDiscard, (*handler).doDiscard},
	{"run", (*handler).askRun, (*handler).doRun},
	{"erase", (*handler).askErase, (*handler).doErase},
}

type handler struct {
	pools    *pool.Pools
	logger   *slog.Logger
	view     View
	hosts    []string
	canWrite bool
	rate     int // keys a second; at most 0: no limit
	secret   []byte
	jobs     *jobs
}

// pageTime is how long a page waits for Redis, apart from work in the
// background.
const pageTime = 5 * time.Second

var (
	errReadOnly = errors.New("these pages are read-only; start symphony serve with -write, or mount the handler with the option Write")
	errNoPage   = errors.New("there is no such page")
	errNotAsked = errors.New("nothing was changed: the request does not come from a page of this program, or that page is from before a restart; go back, reload the page and try again")
)

// request is a request with the parameters of its URL.
type request struct {
	*http.Request
	query url.Values
}

func (r request) get(name string) string { return r.query.Get(name) }

// filter returns the filter in the parameters.
func (r request) filter() Filter {
	return Filter{QueueName: QueueName{r.get("tenant"), r.get("service"), r.get("entity"), r.get("action")}}
}

// show returns a handler that renders a page.
func (h *handler) show(build func(context.Context, request) (page, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), pageTime)
		defer cancel()
		p, err := build(ctx, request{r, r.URL.Query()})
		if err != nil {
			p = errorPage(err)
		}
		h.render(w, r, p)
	}
}

// writable refuses a page of a change if the handler is read-only.
func (h *handler) writable(build func(context.Context, request) (page, error)) func(context.Context, request) (page, error) {
	return func(ctx context.Context, r request) (page, error) {
		if !h.canWrite {
			return page{}, errReadOnly
		}
		return build(ctx, r)
	}
}

// change returns a handler of a POST, which redirects to a page.
func (h *handler) change(do func(context.Context, request) (location string, err error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
		if err := r.ParseForm(); err != nil || !h.hasToken(r) {
			h.render(w, r, errorPage(errNotAsked))
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
		defer cancel()
		location, err := do(ctx, request{r, r.URL.Query()})
		if err != nil {
			h.render(w, r, errorPage(err))
			return
		}
		w.Header().Set("Location", location)
		w.WriteHeader(http.StatusSeeOther)
	}
}

// logChange writes a line for a change.
func (h *handler) logChange(ctx context.Context, r *http.Request, what string, err error, attrs ...any) {
	attrs = slices.Concat([]any{"change", what, "remote", r.RemoteAddr}, attrs)
	if err != nil {
		h.logger.ErrorContext(ctx, "inspect: a change from a page failed", append(attrs, "error", err)...)
		return
	}
	h.logger.InfoContext(ctx, "inspect: a page changed data", attrs...)
}

// statusOf returns the status and the title of a page that shows an error.
func statusOf(err error) (status int, title string) {
	switch {
	case errors.Is(err, errReadOnly):
		return http.StatusForbidden, "Read-only"
	case errors.Is(err, errNotAsked):
		return http.StatusForbidden, "Refused"
	case errors.Is(err, errNoPage):
		return http.StatusNotFound, "Not found"
	case errors.Is(err, symphony.ErrNotFound):
		return http.StatusNotFound, "Not found"
	case errors.Is(err, symphony.ErrInvalidKey), errors.Is(err, symphony.ErrInvalidArgument), errors.Is(err, symphony.ErrUnsupported),
		errors.Is(err, symphony.ErrUnknownPool):
		return http.StatusBadRequest, "This cannot be a name"
	case errors.Is(err, symphony.ErrNoPermission):
		return http.StatusBadGateway, "The Redis user lacks a permission"
	}
	return http.StatusBadGateway, "Redis did not answer"
}

// number returns the number in a parameter, or 0.
func (r request) number(name string) int {
	n, err := strconv.Atoi(r.get(name))
	if err != nil || n < 0 {
		return 0
	}
	return n
}
