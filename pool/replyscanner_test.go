package pool

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/symphony-go/symphony/internal/ratiotest"
	"github.com/symphony-go/symphony/internal/redistest"
)

// replies generates valid replies with at most depth nested aggregates.
func replies(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		kinds := []string{"$", "!", "=", "+", "-", ":", "_", ",", "#", "(", "null"}
		if depth > 0 {
			kinds = append(kinds, "*", "~", ">", "%", "|", "*null", "*", "%")
		}
		switch kind := rapid.SampledFrom(kinds).Draw(t, "kind"); kind {
		case "$", "!", "=":
			s := rapid.SampledFrom([]string{"", "a", "*3\r\n", "$5\r\n", strings.Repeat("x", 3000)}).Draw(t, "text")
			return fmt.Sprintf("%s%d\r\n%s\r\n", kind, len(s), s)
		case "null":
			return "$-1\r\n"
		case "*null":
			return "*-1\r\n"
		case "*", "~", ">", "%", "|":
			n := rapid.IntRange(0, 4).Draw(t, "n")
			text := fmt.Sprintf("%s%d\r\n", kind, n)
			if kind == "%" || kind == "|" {
				n *= 2
			}
			for range n {
				text += replies(depth-1).Draw(t, "element")
			}
			if kind == "|" { // precedes the value that it belongs to
				text += replies(0).Draw(t, "value")
			}
			return text
		default:
			return kind + rapid.SampledFrom([]string{"", "OK", "12", "-7", "t"}).Draw(t, "line") + "\r\n"
		}
	})
}

// A valid reply is accepted, however it is split into reads.
func TestReplyScannerAcceptsValidReplies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s replyScanner
		text := strings.Join(rapid.SliceOfN(replies(4), 1, 8).Draw(t, "replies"), "")
		for len(text) > 0 {
			n := rapid.IntRange(1, len(text)).Draw(t, "piece")
			if err := s.scan([]byte(text[:n])); err != nil {
				t.Fatal(err)
			}
			text = text[n:]
		}
		if s.kind != 0 || s.skip != 0 || s.depth != 0 || s.pending != 0 {
			t.Fatalf("%+v", s)
		}
	})
}

// state returns everything that decides how the next byte is read.
func (s *replyScanner) state() string {
	if s.kind == 0 {
		s.length, s.digits, s.negative = 0, 0, false
	}
	return fmt.Sprint(s.kind, s.skip, s.length, s.digits, s.negative, s.pending, s.remaining[:s.depth])
}

func FuzzReplyScanner(f *testing.F) {
	f.Add([]byte("*2\r\n$1\r\na\r\n:1\r\n"), 3)
	f.Fuzz(func(t *testing.T, data []byte, cut int) {
		var whole, pieces replyScanner
		err := whole.scan(data)
		cut = min(max(cut, 0), len(data))
		first := pieces.scan(data[:cut])
		if first == nil {
			first = pieces.scan(data[cut:])
		}
		require.Equal(t, err == nil, first == nil)
		if err == nil {
			require.Equal(t, whole.state(), pieces.state())
		}
	})
}

func TestReplyScannerRefusesExcessiveLengths(t *testing.T) {
	for name, text := range map[string]string{
		"the longest string":     "$9223372036854775807\r\n",
		"a string over 512 MiB":  "$536870913\r\n",
		"many elements":          "*100000000\r\n",
		"many pairs":             "%10000000\r\n",
		"many in a set":          "~100000000\r\n",
		"many in a push":         ">100000000\r\n",
		"many in an attribute":   "|100000000\r\n",
		"a negative string":      "$-2\r\n",
		"a negative array":       "*-2\r\n",
		"a negative map":         "%-1\r\n",
		"a length that wraps":    "$18446744073709551615\r\n",
		"pairs that wrap":        "%4611686018427387905\r\n",
		"no length":              "$\r\n",
		"a streamed string":      "$?\r\n",
		"a streamed array":       "*?\r\n",
		"a long error string":    "!536870913\r\n",
		"a long verbatim string": "=536870913\r\n",
		"no reply":               "hello\r\n",
		"arrays in arrays":       strings.Repeat("*1\r\n", 33),
		"beside one another":     strings.Repeat("*2\r\n:1\r\n", 33),
		"many in nested arrays":  "*16000000\r\n*16000000\r\n",
		"an endless line":        "+" + strings.Repeat("x", 2<<20),
		"an endless number":      ":" + strings.Repeat("1", 2<<20),
	} {
		var s replyScanner
		require.ErrorIs(t, s.scan([]byte(text)), ErrUnexpectedReply, name)
		var bytewise replyScanner
		var err error
		for i := 0; i < len(text) && err == nil; i++ {
			err = bytewise.scan([]byte{text[i]})
		}
		require.ErrorIs(t, err, ErrUnexpectedReply, name)
	}
	for _, text := range []string{"$536870912\r\n", "*16777216\r\n", "*-1\r\n", "$-1\r\n", "$0\r\n\r\n", "*0\r\n"} {
		var s replyScanner
		require.NoError(t, s.scan([]byte(text)), text)
	}
}

// BenchmarkScan measures the scan of one reply, without a server.
func BenchmarkScan(b *testing.B) {
	reply := []byte("%100\r\n" + strings.Repeat("$7\r\nfield12\r\n$28\r\n"+strings.Repeat("x", 28)+"\r\n", 100))
	var s replyScanner
	for b.Loop() {
		if err := s.scan(reply); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReplyScanner compares commands over connections with and without the
// scan of replies.
func BenchmarkReplyScanner(b *testing.B) {
	s := redistest.Server(b)
	admin := s.Client(b, 0)
	fields := make([]string, 100)
	for i := range fields {
		fields[i] = fmt.Sprint("field", i)
		require.NoError(b, admin.Do(b.Context(), admin.B().Hset().Key("h").FieldValue().FieldValue(fields[i], strings.Repeat("x", 28)).Build()).Error())
	}
	require.NoError(b, admin.Do(b.Context(), admin.B().Set().Key("big").Value(strings.Repeat("x", 1<<20)).Build()).Error())
	client := func(dial dialFunc) rueidis.Client {
		c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.Addr()}, DisableCache: true, ForceSingleClient: true, DialCtxFn: dial})
		require.NoError(b, err)
		b.Cleanup(c.Close)
		return c
	}
	guarded := client(func(ctx context.Context, addr string, d *net.Dialer, conf *tls.Config) (net.Conn, error) {
		c, err := dialTCP(ctx, addr, d, conf)
		return &guardedConn{Conn: c}, err
	})
	bare := client(dialTCP)
	for name, command := range map[string]func(c rueidis.Client) error{
		"get": func(c rueidis.Client) error {
			return ignoreNil(c.Do(context.Background(), c.B().Get().Key("none").Build()).Error())
		},
		"set": func(c rueidis.Client) error {
			return c.Do(context.Background(), c.B().Set().Key("x").Value("1").Build()).Error()
		},
		"hmget of 100": func(c rueidis.Client) error {
			return c.Do(context.Background(), c.B().Hmget().Key("h").Field(fields...).Build()).Error()
		},
		"hgetall of 100": func(c rueidis.Client) error {
			return c.Do(context.Background(), c.B().Hgetall().Key("h").Build()).Error()
		},
		"get of 1 MiB": func(c rueidis.Client) error {
			return c.Do(context.Background(), c.B().Get().Key("big").Build()).Error()
		},
	} {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/%d", name, callers), func(b *testing.B) {
				ratiotest.Compare(b, callers, func() error { return command(guarded) }, func() error { return command(bare) })
			})
		}
	}
}

func ignoreNil(err error) error {
	if rueidis.IsRedisNil(err) {
		return nil
	}
	return err
}

// EXEC has one element for each command that was queued, whatever comes between
// the replies. rueidis would panic if it had none.
func TestReplyScannerCountsTheElementsOfExec(t *testing.T) {
	const queued = "+OK\r\n+QUEUED\r\n+QUEUED\r\n"
	for text, valid := range map[string]bool{
		queued + "*2\r\n:1\r\n*0\r\n":                   true,
		queued + "*-1\r\n*0\r\n":                        true,
		queued + "_\r\n*0\r\n":                          true,
		queued + "-EXECABORT\r\n*0\r\n":                 true,
		queued + "|1\r\n+a\r\n*0\r\n*2\r\n:1\r\n:2\r\n": true,
		queued + ">2\r\n+a\r\n+b\r\n*2\r\n:1\r\n:2\r\n": true,
		"*0\r\n":                                 true,
		queued + "*0\r\n":                        false,
		queued + "~0\r\n":                        false,
		queued + "*1\r\n:1\r\n":                  false,
		queued + "*3\r\n":                        false,
		queued + "|1\r\n+a\r\n$1\r\nb\r\n*0\r\n": false,
		queued + ">1\r\n+a\r\n*0\r\n":            false,
	} {
		var s replyScanner
		if err := s.scan([]byte(text)); valid {
			require.NoError(t, err, text)
		} else {
			require.ErrorIs(t, err, ErrUnexpectedReply, text)
		}
		for size := 1; size < len(text); size++ {
			var split replyScanner
			var err error
			for piece := range slices.Chunk([]byte(text), size) {
				if err = split.scan(piece); err != nil {
					break
				}
			}
			require.Equal(t, valid, err == nil, "%q in pieces of %d bytes", text, size)
		}
	}
}
