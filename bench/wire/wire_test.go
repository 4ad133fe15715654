package wire

import (
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Wherever the stream is cut, the same messages end.
func TestFramesSurviveEveryCut(t *testing.T) {
	const stream = "*2\r\n$4\r\nHGET\r\n$3\r\na\r\n\r\n" + // a string that holds a line end
		"+OK\r\n" + ":1\r\n" + "$-1\r\n" + "*0\r\n" + "_\r\n" +
		"*2\r\n*1\r\n:1\r\n$2\r\nok\r\n" +
		"%1\r\n+a\r\n*2\r\n:1\r\n:2\r\n" +
		">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n" +
		"|1\r\n+ttl\r\n:3\r\n:42\r\n" +
		"-ERR no\r\n" + "=7\r\ntxt:abc\r\n"
	const kinds = "*+:$*_*%>|-="
	for size := 1; size <= len(stream); size++ {
		var f frames
		var got strings.Builder
		for rest := stream; rest != ""; {
			n := min(size, len(rest))
			require.NoError(t, f.feed([]byte(rest[:n]), func(kind byte, _ string) { got.WriteByte(kind) }))
			rest = rest[n:]
		}
		require.Equal(t, kinds, got.String(), "pieces of %d bytes", size)
		require.Empty(t, f.open)
	}
}

func TestFramesRefuseWhatIsNoRESP(t *testing.T) {
	for _, bad := range []string{"GET / HTTP/1.1\n", "*x\r\n", "\n"} {
		var f frames
		require.Error(t, f.feed([]byte(bad), func(byte, string) {}), bad)
	}
}

func TestTrips(t *testing.T) {
	near, far := net.Pipe()
	var c Counter
	client := c.Wrap(near)
	say := func(commands ...string) {
		for _, name := range commands {
			_, err := client.Write([]byte("*2\r\n$" + strconv.Itoa(len(name)) + "\r\n" + name + "\r\n$1\r\nk\r\n"))
			require.NoError(t, err)
		}
	}
	go func() {
		for buf := make([]byte, 100); ; {
			if _, err := far.Read(buf); err != nil {
				return
			}
		}
	}()
	answer := func(text string) {
		go func() { _, _ = far.Write([]byte(text)) }()
		_, err := client.Read(make([]byte, 100))
		require.NoError(t, err)
	}
	take := func() Traffic {
		traffic, err := c.Take()
		require.NoError(t, err)
		return traffic
	}

	say("GET", "get", "DEL") // without waiting: one
	answer("$1\r\na\r\n")
	say("GET") // while answers are outstanding: still the same
	answer("$-1\r\n:1\r\n$-1\r\n")
	got := take()
	require.Equal(t, 1, got.Trips)
	require.Equal(t, []string{"GET", "GET", "DEL", "GET"}, got.Commands)

	say("GET")
	answer(">1\r\n+x\r\n") // a push answers nothing
	say("GET")
	require.Equal(t, 1, take().Trips)
	answer("$-1\r\n$-1\r\n")
	say("PING")
	answer("+PONG\r\n")
	got = take()
	require.Zero(t, got.Trips, "what a client does by itself is not counted")
	require.Equal(t, 1, got.Housekeeping)
	say("GET")
	answer("$-1\r\n")
	say("GET")
	require.Equal(t, 2, take().Trips)
	answer("$-1\r\n")
	say("CLIENT", "MULTI", "GET") // what a client says before does not hide them
	got = take()
	require.Equal(t, 1, got.Trips)
	require.Equal(t, []string{"MULTI", "GET"}, got.Commands)
	require.NoError(t, client.Close())
}
