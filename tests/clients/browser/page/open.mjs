// A router that pages of all origins may call, without credentials.
import './client_cases.mjs'
import './fetch_cases.mjs'
