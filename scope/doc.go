// Package scope binds what a request works with to its context.Context: who it
// is from, and typed values for the code that serves it.
//
//	identify := func(r *http.Request) (scope.Identity, error) { ... }
//	handler := scope.Middleware(identify, symphony.BindSharedState(pools))(mux)
//
// Below the middleware every function that is handed the context finds the same
// values, in whatever goroutine it runs:
//
//	id, ok := scope.From(ctx)
//	state, ok := symphony.SharedStateFrom(ctx)
//
// They are values of the context and nothing else, so they live in every context
// derived from it. Work that outlives the request takes them along with
// context.WithoutCancel; work that begins without a request, in a queue's
// worker or a trigger's handler, gets them by [Bind].
//
// A value that is not there is ok == false, never a panic. A program adds values
// of its own with a [Key] and a [Binder]:
//
//	var Plan = scope.NewKey[billing.Plan]("plan")
//
//	func bindPlan(ctx context.Context, id scope.Identity) (context.Context, error) {
//		plan, err := plans.Get(ctx, id.Tenant)
//		if err != nil {
//			return nil, err
//		}
//		return Plan.With(ctx, plan), nil
//	}
package scope
