package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The program serves the pages until it is interrupted, and then ends well.
func TestServe(t *testing.T) {
	s := newServer(t)
	s.everything(t)
	url, _, stop := s.serve(t, "serve", "-addr", "127.0.0.1:0")
	b := browser{t, newClient(t), url}
	r := b.get("record?name=acme/user/u1")
	require.Equal(t, http.StatusOK, r.status)
	require.Contains(t, r.body, "secret")
	require.Contains(t, r.body, ">read-only<")
	require.Equal(t, http.StatusForbidden, b.get("erase?tenant=acme").status)
	require.Equal(t, http.StatusForbidden, b.do(http.MethodGet, "", nil, "Host", "redis.example.com").status)
	require.Equal(t, exitOK, stop())

	open, errs, stop := s.serve(t, "serve", "-addr", "0.0.0.0:0", "-write", "-redact", "-host", "redis.example.com,other")
	b = browser{t, newClient(t), strings.Replace(open, "[::]", "127.0.0.1", 1)}
	r = b.get("record?name=acme/user/u1")
	require.NotContains(t, r.body, "secret")
	require.Contains(t, r.body, ">can write<")
	require.Equal(t, http.StatusOK, b.get("erase?tenant=acme").status)
	require.Equal(t, http.StatusOK, b.do(http.MethodGet, "", nil, "Host", "redis.example.com:1").status)
	require.Equal(t, exitOK, stop())
	require.Contains(t, errs.String(), "the page has no login")

	for _, args := range [][]string{{"-addr", "8075"}, {"-json"}, {"-codec", "yaml"}} {
		require.Equal(t, exitUsage, s.call(append([]string{"serve"}, args...)...).code, args)
	}
	require.Equal(t, exitProblem, s.call("serve", "-addr", "256.0.0.1:1").code)
}

// serve runs the program until stop, which returns its exit code.
func (s server) serve(t *testing.T, args ...string) (url string, errs *bytes.Buffer, stop func() int) {
	t.Helper()
	running, cancel := context.WithCancel(ctx)
	t.Cleanup(cancel)
	out, in := io.Pipe()
	errs = &bytes.Buffer{}
	code := make(chan int, 1)
	go func() {
		code <- run(running, append(args, s.flags...), terminal{in: strings.NewReader(""), out: in, err: errs})
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	found := regexp.MustCompile(`^http://\S+/`).FindString(line)
	require.NotEmpty(t, found, line)
	return found, errs, func() int { cancel(); return <-code }
}
