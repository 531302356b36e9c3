package operation

// remove deletes an account. Only directory steps of orchestrations do that: no
// plan of an automation contains it, and one that was written into a saved plan is
// not made.
var remove = kind{
	sign: "-", gone: true,
	fate: func(*since, int) (Fate, error) {
		return Fate{Why: "an automation deletes no accounts: only a directory step of an orchestration does"}, nil
	},
}
