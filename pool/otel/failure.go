package poolotel

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/redis/rueidis"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/symphony-go/symphony/pool"
)

// serverCodes are the codes with which the errors of a server begin. Any other
// first word may come from a script, and may be a value.
var serverCodes = []string{
	"ASK", "BUSY", "BUSYGROUP", "BUSYKEY", "CLUSTERDOWN", "CROSSSLOT", "ERR", "EXECABORT", "INPROG", "LOADING", "MASTERDOWN", "MISCONF",
	"MOVED", "NOAUTH", "NOGOODSLAVE", "NOGROUP", "NOPERM", "NOPROTO", "NOREPLICAS", "NOSCRIPT", "NOTBUSY", "OOM", "READONLY", "TRYAGAIN",
	"UNBLOCKED", "UNKILLABLE", "WRONGPASS", "WRONGTYPE",
}

// describe returns the attributes of an error. They do not contain its text.
func describe(err error) []attribute.KeyValue {
	if refused, ok := rueidis.IsRedisErr(err); ok {
		code, _, _ := strings.Cut(refused.Error(), " ")
		if slices.Contains(serverCodes, code) {
			return []attribute.KeyValue{semconv.ErrorTypeKey.String(code), semconv.DBResponseStatusCode(code)}
		}
		return []attribute.KeyValue{semconv.ErrorTypeOther}
	}
	var network net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return []attribute.KeyValue{semconv.ErrorTypeKey.String("canceled")}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return []attribute.KeyValue{semconv.ErrorTypeKey.String("timeout")}
	case errors.Is(err, rueidis.ErrClosing), errors.Is(err, pool.ErrClosed):
		return []attribute.KeyValue{semconv.ErrorTypeKey.String("closed")}
	case errors.Is(err, pool.ErrUnexpectedReply), rueidis.IsParseErr(err):
		return []attribute.KeyValue{semconv.ErrorTypeKey.String("unexpected_reply")}
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return []attribute.KeyValue{semconv.ErrorTypeKey.String("connection")}
	}
	return []attribute.KeyValue{semconv.ErrorTypeOther}
}
