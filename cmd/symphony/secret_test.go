package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A URL in the wrong place is not printed, because it may contain a password.
func TestMisplacedURLIsNotPrinted(t *testing.T) {
	const url = "redis://joe:hunter2@127.0.0.1:1/0"
	for _, args := range [][]string{
		{url}, {"tenants", url}, {"tenants", "-timeout", url}, {"tenants", "-" + url}, {"tenants", "-layout", url}, {"-url=" + url, url},
		{"dead", "-of", url}, {"triggers", "-tenant", "acme", "-state", url}, {"check", "-schema", url}, {"serve", "-addr", url}, {"tenants", "-url", url + "?x=1"},
	} {
		r := runProgram(terminal{}, args...)
		require.NotZero(t, r.code, "%q", args)
		require.NotContains(t, r.out+r.err, "hunter2", "%q", args)
	}
}
