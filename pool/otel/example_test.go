package poolotel_test

import (
	"context"
	"fmt"
	"log"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
	poolotel "github.com/symphony-go/symphony/pool/otel"
)

// A span has the name of the operation, and no id.
func ExampleInstrument() {
	ctx := context.Background()
	exporter := tracetest.NewInMemoryExporter() // a service exports to a collector
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))

	pools, err := embedded.Open(ctx, poolotel.Instrument(pool.Config{}, poolotel.TracerProvider(tracers)))
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	users, err := symphony.NewUser[profile](pools, "acme")
	if err != nil {
		log.Fatal(err)
	}
	exporter.Reset()

	if _, err := users.Exists(ctx, "u1"); err != nil {
		log.Fatal(err)
	}
	for _, span := range exporter.GetSpans() {
		fmt.Println(span.Name)
		for _, a := range span.Attributes {
			if a.Key != "server.address" && a.Key != "server.port" {
				fmt.Printf("  %s %s\n", a.Key, a.Value.String())
			}
		}
	}
	// Output:
	// User.Exists
	//   db.system.name redis
	//   db.operation.name EXISTS
	//   db.namespace 11
	//   symphony.pool user
	//   symphony.repository User
	//   symphony.operation Exists
	//   symphony.keys 1
	//   symphony.attempt 1
}
