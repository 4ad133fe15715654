package symphony_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Seat struct {
	Guest string `redis:"guest"`
}

// httpStatus returns the HTTP status with which a service answers after a
// write.
func httpStatus(err error) int {
	switch {
	case err == nil:
		return http.StatusOK
	case errors.Is(err, symphony.ErrInvalidKey), errors.Is(err, symphony.ErrTooLarge):
		return http.StatusBadRequest
	case errors.Is(err, symphony.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, symphony.ErrExists), errors.Is(err, symphony.ErrConflict):
		return http.StatusConflict
	}
	return http.StatusServiceUnavailable // Redis cannot be reached
}

// The reasons of errors are values for errors.Is.
func Example_errors() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	seats, err := symphony.NewTable[Seat](pools, "acme", "seats")
	if err != nil {
		log.Fatal(err)
	}

	once := seats.With(symphony.IfAbsent())
	fmt.Println(httpStatus(once.Upsert(ctx, "12A", Seat{Guest: "Alice"})))
	fmt.Println(httpStatus(once.Upsert(ctx, "12A", Seat{Guest: "Bob"})))
	fmt.Println(httpStatus(seats.With(symphony.IfExists()).Upsert(ctx, "99Z", Seat{Guest: "Bob"})))
	fmt.Println(httpStatus(seats.Upsert(ctx, "", Seat{})))
	// Output:
	// 200
	// 409
	// 404
	// 400
}
