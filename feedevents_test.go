package symphony_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// eventServer serves the feeds of f by the id in the path. The errors of
// ServeEvents come by a channel.
func eventServer[T any](t *testing.T, f *symphony.Feed[T]) (*httptest.Server, chan error) {
	t.Helper()
	errs := make(chan error, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		errs <- f.ServeEvents(w, r, strings.TrimPrefix(r.URL.Path, "/"))
	}))
	t.Cleanup(server.Close)
	return server, errs
}

// eventResponse is a response whose body is read line by line.
type eventResponse struct {
	*http.Response
	lines *bufio.Scanner
}

// connect requests events after the cursor of a last event.
func connect(t *testing.T, c context.Context, url, lastEventID string) eventResponse {
	t.Helper()
	r, err := http.NewRequestWithContext(c, http.MethodGet, url, nil)
	require.NoError(t, err)
	if lastEventID != "" {
		r.Header.Set("Last-Event-ID", lastEventID)
	}
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { _ = response.Body.Close() })
	return eventResponse{response, bufio.NewScanner(response.Body)}
}

// readEvents reads n events, or all if n is negative, as id|type|data.
func readEvents(t *testing.T, response eventResponse, n int) (events []string) {
	t.Helper()
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, "text/event-stream; charset=utf-8", response.Header.Get("Content-Type"))
	fields := map[string]string{}
	for len(events) != n && response.lines.Scan() {
		line := response.lines.Text()
		name, value, found := strings.Cut(line, ":")
		switch {
		case name != "" && found:
			fields[name] = strings.TrimPrefix(value, " ")
		case line == "" && len(fields) > 0:
			events = append(events, fields["id"]+"|"+fields["event"]+"|"+fields["data"])
			fields = map[string]string{}
		}
	}
	return events
}

// A client that connects again goes on after its last event, until the feed has
// ended.
func TestServeEvents(t *testing.T) {
	type token struct{ Text string }
	pooltest.EachSingle(t, func(t *testing.T, p *pool.Pools) { // the cluster is tested with Follow
		f := newFeed[token](t, p)
		server, errs := eventServer(t, f)
		first, err := f.Append(ctx, "a1", token{"a\nb"})
		require.NoError(t, err)
		c, cancel := context.WithCancel(ctx)
		require.Equal(t, []string{string(first) + `||{"Text":"a\nb"}`}, readEvents(t, connect(t, c, server.URL+"/a1", ""), 1))
		cancel()
		require.NoError(t, <-errs, "the client left")

		second, err := f.Append(ctx, "a1", token{"c"})
		require.NoError(t, err)
		for _, response := range []eventResponse{
			connect(t, ctx, server.URL+"/a1", string(first)),
			connect(t, ctx, server.URL+"/a1?after="+url.QueryEscape(string(first)), ""),
			connect(t, ctx, server.URL+"/a1?after=wrong", string(first)),
		} {
			want := []string{string(second) + `||{"Text":"c"}`, "|end|"}
			require.Equal(t, want[:1], readEvents(t, response, 1))
			require.NoError(t, f.End(ctx, "a1"))
			require.Equal(t, want[1:], readEvents(t, response, -1))
			require.NoError(t, <-errs)
		}
		require.Equal(t, http.StatusNoContent, connect(t, ctx, server.URL+"/a1", string(second)).StatusCode)
		require.NoError(t, <-errs)
	})
}

func TestServeEventsRefusals(t *testing.T) {
	p := pooltest.Embedded(t)
	f := newFeed[string](t, p, symphony.KeepLast(1))
	server, errs := eventServer(t, f)
	first, err := f.Append(ctx, "a1", "1")
	require.NoError(t, err)
	_, err = f.Append(ctx, "a1", "2", "3")
	require.NoError(t, err)
	for _, test := range []struct {
		path, after string
		status      int
		err         error
	}{
		{"/a1", "x", http.StatusBadRequest, symphony.ErrInvalidCursor},
		{"/", "", http.StatusBadRequest, symphony.ErrInvalidKey},
		{"/a1", string(first), http.StatusGone, symphony.ErrGone},
	} {
		require.Equal(t, test.status, connect(t, ctx, server.URL+test.path, test.after).StatusCode)
		require.ErrorIs(t, <-errs, test.err)
	}

	response := connect(t, ctx, server.URL+"/a1", "")
	require.Len(t, readEvents(t, response, 1), 1)
	_, err = f.Delete(ctx, "a1")
	require.NoError(t, err)
	require.Equal(t, []string{"|gone|"}, readEvents(t, response, -1))
	require.ErrorIs(t, <-errs, symphony.ErrGone)

	numbers, errs := eventServer(t, newFeed[int](t, p))
	_, err = f.Append(ctx, "a2", "x")
	require.NoError(t, err)
	require.Empty(t, readEvents(t, connect(t, ctx, numbers.URL+"/a2", ""), -1))
	require.ErrorAs(t, <-errs, new(*codec.DecodeError))

	waiting := connect(t, ctx, server.URL+"/a3", "")
	p.Close()
	require.Empty(t, readEvents(t, waiting, -1))
	require.Equal(t, http.StatusServiceUnavailable, connect(t, ctx, server.URL+"/a1", "").StatusCode)
}
